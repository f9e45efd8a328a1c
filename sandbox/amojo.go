package sandbox

import (
	"net/http"
)

// The error types of the chats API. The first two are documented; the others only have the documented shape.
const (
	invalidSignature = "ORIGIN_INVALID_SIGNATURE"
	notRegistered    = "ORIGIN_NOT_REGISTERED"
	badData          = "BAD_REQUEST"
)

// channelState is what connect and disconnect change.
type channelState struct {
	title     string
	connected bool
	hooks     string
}

// handleAmojo checks what all calls of the chats API have in common, then runs the call.
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
func (w *World) handleAmojo(rq *request) *reply {
	if rq.route == nil {
		return &reply{status: http.StatusNotFound, reason: "no such path"} // a bad path is a 404 without a body
	}
	channel, scope := rq.vars["channel"], rq.vars["scope"]
	known := channel == w.o.Channel.ID || scope == w.scope()
	if known {
		if err := checkSignature(rq, w.o.Channel.Secret, rq.arrived.Add(w.o.ClockOffset)); err != nil {
			w.counters.BadSignatures++
			out := amojoError(http.StatusForbidden, invalidSignature, "invalid signature")
			out.reason = err.Error()
			return out
		}
	}
	if !known || scope != "" && !w.channel.connected {
		out := amojoError(http.StatusNotFound, notRegistered, "NOT_FOUND")
		out.reason = "channel or scope is unknown or not connected"
		return out
	}
	if rq.method != rq.route.method {
		return amojoError(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "method not allowed")
	}
	return rq.route.serve(w, rq)
}

// badRequest is a 400 that names everything wrong with a body.
func badRequest(faults []fault) *reply {
	text := ""
	for i, f := range faults {
		if i > 0 {
			text += "; "
		}
		text += f.Path + ": " + f.Detail
	}
	return amojoError(http.StatusBadRequest, badData, text)
}

// readAmojo reads a body that must be an object, and refuses it if the given function finds a fault in it.
func readAmojo(rq *request, read func(object)) *reply {
	o, err := parseObject(rq.body)
	if err != nil {
		return amojoError(http.StatusBadRequest, badData, err.Error())
	}
	read(o)
	if len(*o.faults) > 0 {
		return badRequest(*o.faults)
	}
	return nil
}

// connect makes the channel known to the account. A repeat with another title renames it.
// https://www.amocrm.ru/developers/content/chats/chat-api-reference
func (w *World) connect(rq *request) *reply {
	var account, title, version string
	answer := doc{}
	if bad := readAmojo(rq, func(o object) {
		account = o.str("account_id", true)
		title = o.str("title", w.o.Flavour == Kommo)
		version = o.str("hook_api_version", w.o.Flavour == Kommo)
		if off, ok := o.boolean("is_time_window_disabled", false); ok {
			answer["is_time_window_disabled"] = off
		}
		switch {
		case version == "v2", version == "" && w.o.Flavour == AmoCRM, version == "v1" && w.o.Flavour == AmoCRM:
		default:
			o.fail("hook_api_version", "NotSupportedChoice", "This version is not supported.")
		}
	}); bad != nil {
		return bad
	}
	if account != w.o.Account.AmojoID {
		return amojoError(http.StatusNotFound, notRegistered, "NOT_FOUND")
	}
	if version == "" {
		version = "v1"
	}
	if title == "" {
		title = w.o.Channel.Title
	}
	w.counters.Connects++
	if title != w.channel.title {
		w.counters.Renames++
	}
	w.channel = channelState{title: title, connected: true, hooks: version}
	answer["account_id"], answer["scope_id"], answer["title"], answer["hook_api_version"] = account, w.scope(), title, version
	return okJSON(answer)
}

// disconnect makes the scope unknown again.
func (w *World) disconnect(rq *request) *reply {
	var account string
	if bad := readAmojo(rq, func(o object) { account = o.str("account_id", true) }); bad != nil {
		return bad
	}
	if account != w.o.Account.AmojoID {
		return amojoError(http.StatusNotFound, notRegistered, "NOT_FOUND")
	}
	w.channel.connected = false
	return w.okEmpty()
}
