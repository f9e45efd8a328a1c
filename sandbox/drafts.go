package sandbox

import (
	"net/url"
	"unicode/utf8"
)

// draft is a message as a request describes it, checked.
type draft struct {
	msgid, amojoID   string
	conv             string
	msec             int64
	source           string
	silent           bool
	outgoing         bool
	sender, receiver profile
	kind, text       string
	media            *media
	reply            *message
}

// readDraft reads the payload of new_message.
func (w *World) readDraft(o object) draft {
	n := draft{msgid: o.id("msgid", true), conv: o.id("conversation_id", true), source: readSource(o)}
	n.msec = w.readTime(o)
	n.silent, _ = o.boolean("silent", w.o.Flavour == AmoCRM)
	_ = o.str("conversation_ref_id", false)
	w.readParties(o, &n)
	w.readContent(o, &n)
	w.readReply(o, &n)
	w.readForwards(o)
	return n
}

// readEdit reads the payload of edit_message, in which everything but the ids and the content is ignored.
func (w *World) readEdit(o object) draft {
	n := draft{amojoID: o.str("id", false), conv: o.id("conversation_id", true)}
	n.msgid = o.id("msgid", n.amojoID == "")
	w.readContent(o, &n)
	return n
}

// readTime reads a message's time. Seconds and milliseconds must agree; amoCRM does not need the latter.
func (w *World) readTime(o object) int64 {
	const secondsEnd = 1e11 // what is larger was meant as milliseconds
	seconds, ok := o.integer("timestamp", true)
	msec, precise := o.integer("msec_timestamp", w.o.Flavour == Kommo)
	switch {
	case !ok:
	case seconds <= 0 || seconds >= secondsEnd:
		o.fail("timestamp", "InvalidValue", "This value should be a Unix time in seconds.")
	case precise && msec/1000 != seconds:
		o.fail("msec_timestamp", "InvalidValue", "This value should be the same time as timestamp, in milliseconds.")
	}
	if precise {
		return msec
	}
	return seconds * 1000
}

// readParties reads sender and receiver. Who sent it decides the direction: a client has no receiver, a user or the
// bot (named by ref_id) needs one.
func (w *World) readParties(o object, n *draft) {
	s, ok := o.child("sender", true)
	if !ok {
		return
	}
	n.sender = readProfile(s)
	n.outgoing = w.checkParty(s, n.sender)
	r, has := o.child("receiver", n.outgoing)
	if !has {
		return
	}
	if !n.outgoing {
		o.fail("receiver", "InvalidValue", "An incoming message has no receiver, and an outgoing one needs sender.ref_id.")
		return
	}
	n.receiver = readProfile(r)
	if w.checkParty(r, n.receiver) {
		r.fail("ref_id", "InvalidValue", "The receiver of an outgoing message is a client.")
	}
}

// readContent reads message: what each type must hold, and the documented type of everything else.
func (w *World) readContent(o object, n *draft) {
	c, ok := o.child("message", true)
	if !ok {
		return
	}
	n.kind = w.intern(c.str("type", true))
	n.text = c.str("text", n.kind == "text")
	if most := w.o.MaxText; most > 0 && utf8.RuneCountInString(n.text) > most {
		c.fail("text", "TooLong", "This text is too long.")
	}
	var x media
	var attached, sized, sticker bool
	switch n.kind {
	case "text", "location", "contact":
	case "file", "video", "picture":
		attached, sized = true, true
	case "voice", "audio":
		attached = true
	case "sticker":
		sticker = true
	default:
		c.fail("type", "NotSupportedChoice", "There is no such type of message.")
		return
	}
	x.stickerID = c.str("sticker_id", false)
	x.url = c.str("media", attached || sticker && x.stickerID == "")
	if x.url != "" && !publicURL(x.url) {
		c.fail("media", "InvalidValue", "This value should be an http or https URL.")
	}
	x.fileName = c.str("file_name", sized)
	if x.fileSize, _ = c.integer("file_size", sized); x.fileSize < 0 {
		c.fail("file_size", "InvalidValue", "This value should not be negative.")
	}
	x.duration, _ = c.integer("media_duration", false)
	if l, ok := c.child("location", n.kind == "location"); ok {
		x.lon, x.lat, x.hasLocation = l.number("lon", true), l.number("lat", true), true
	}
	if l, ok := c.child("contact", n.kind == "contact"); ok {
		x.cardName, x.cardPhone = l.str("name", true), l.str("phone", true)
	}
	_ = c.str("callback_data", false)
	if x != (media{}) {
		n.media = &x
	}
}

func publicURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// readReply reads reply_to.message: by either id alone the quoted message must be in the same chat; without an id
// it must be described.
func (w *World) readReply(o object, n *draft) {
	outer, ok := o.child("reply_to", false)
	if !ok {
		return
	}
	q, ok := outer.child("message", true)
	if !ok {
		return
	}
	id, msgid := q.str("id", false), q.id("msgid", false)
	switch {
	case id != "":
		u, _ := parseUUID(id)
		n.reply = w.byUUID[u]
	case msgid != "":
		n.reply = w.byMsgID[msgid]
	default:
		w.readQuoted(q)
		return
	}
	if n.reply == nil || n.reply.chat.conv != n.conv {
		n.reply = nil
		q.fail("", "NotFound", "No such message in this conversation.")
	}
}

// readQuoted checks a quoted message that is described, not named.
func (w *World) readQuoted(q object) {
	_ = q.str("type", true)
	_, _ = q.integer("timestamp", true)
	_, _ = q.integer("msec_timestamp", true)
	if s, ok := q.child("sender", true); ok && !s.has("id") && !s.has("ref_id") && !s.has("name") {
		s.fail("", "NotBlank", "One of id, ref_id and name is needed.")
	}
}

// readForwards checks forwards, which may come from any chat and hold one message.
func (w *World) readForwards(o object) {
	f, ok := o.child("forwards", false)
	if !ok {
		return
	}
	all := f.objects("messages", true)
	if len(all) > 1 {
		f.fail("messages", "TooMany", "Only one message can be forwarded.")
	}
	for _, q := range all {
		if q.str("id", false) == "" && q.id("msgid", false) == "" {
			w.readQuoted(q)
		}
	}
	_, _ = f.str("conversation_id", false), f.str("conversation_ref_id", false)
}
