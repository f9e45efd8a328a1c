package importer_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/amoimport/amoimport/importer"
	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/internal/demodata"
	"github.com/amoimport/amoimport/sandbox"
	"github.com/amoimport/amoimport/source"
)

// TestEveryReason: each reason that is registered can come about. Those of the demo's
// odd cases do in TestDemoData, and those of edits in TestEdits; here is a conversation for each of the others, which
// ends with it after two runs and what a person does between them.
func TestEveryReason(t *testing.T) {
	t.Parallel()
	files := newShelf(t)
	files.there.Store(false)
	status := func(code int) sandbox.Effect { return sandbox.Effect{Kind: sandbox.Status, Code: code} }
	message := func(effect sandbox.Effect) sandbox.Fault {
		return sandbox.Fault{Contains: `"imp1-$c-m1"`, Effect: effect}
	}
	type cause struct {
		reason  outcome.Code
		row     string        // done to the legacy row of message or conversation $c first
		fault   sandbox.Fault // of the sandbox, as long as the first run lasts
		between func(r *rig, c source.ConversationID)
	}
	change := func(sql string) func(*rig, source.ConversationID) {
		return func(r *rig, c source.ConversationID) {
			r.legacyExec(strings.ReplaceAll(sql, "$c", "'"+string(c)+"'"))
			r.retry(ledger.Selection{Conversation: c})
		}
	}
	causes := []cause{
		{reason: outcome.BadSourceID, row: `update conversations set source_external_id = repeat('s', 60) where id = $c`},
		{reason: outcome.AvatarDropped, row: `update conversations set client_avatar_url = 'http://10.0.0.1/a.png' where id = $c`},
		{reason: outcome.ProfileLinkDropped, row: `update conversations set client_profile_url = 'ftp://example.com/a' where id = $c`},
		{reason: outcome.TooLong, row: `update messages set text = repeat('abcdefghi ', 510000) where conversation_id = $c`},
		{reason: outcome.MediaUnreachable, row: `update messages set kind = 'file', media_url = '` + files.URL + `/a.pdf' where conversation_id = $c`},
		{reason: outcome.MediaAsText, row: `update messages set kind = 'file', media_url = '` + files.URL + `/b.pdf' where conversation_id = $c`,
			between: func(r *rig, c source.ConversationID) {
				r.options.Files.AsText = true
				r.retry(ledger.Selection{Conversation: c})
			}},
		{reason: outcome.Rejected, fault: message(status(400))},
		{reason: outcome.SkippedByHand, fault: message(status(400)), between: func(r *rig, c source.ConversationID) {
			r.decide(func(l *ledger.Ledger) error {
				_, err := l.SkipParked(r.t.Context(), ledger.Selection{Conversation: c})
				return err
			})
		}},
		{reason: outcome.DeletedInLegacy, fault: message(status(400)), between: change(`delete from messages where conversation_id = $c`)},
		{reason: outcome.ChangedMidway, row: `update messages set text = repeat('long ', 150) where conversation_id = $c`,
			fault:   sandbox.Fault{Contains: `"imp1-$c-m1_p2"`, Effect: status(400)},
			between: change(`update messages set text = repeat('longer ', 150) where conversation_id = $c`)},
		{reason: outcome.ServerError, fault: message(status(500))},
		{reason: outcome.InDoubt, fault: message(sandbox.Effect{Kind: sandbox.CutAfterApply})},
		{reason: outcome.ChatRejected, fault: sandbox.Fault{Method: http.MethodPost, Path: regexp.MustCompile(`/chats$`), Contains: `"imp1-$c"`, Effect: status(400)}},
		{reason: outcome.ContactRejected, fault: sandbox.Fault{API: sandbox.APIv4, Method: http.MethodPost, Path: contactsPath, Contains: `"Client of $c"`, Effect: status(400)}},
		{reason: outcome.ContactAmbiguous},
		{reason: outcome.LinkedElsewhere},
		{reason: outcome.LinkRejected},
		{reason: outcome.LedgerRefused, fault: message(status(400))},
	}
	ids := map[outcome.Code]source.ConversationID{}
	sizes := make([]int, len(causes)+3) // the last are well: others go through while one does not
	for i := range sizes {
		sizes[i] = 1
	}
	r := newRig(t, legacy(t, sizes...), sandbox.Options{})
	r.options.SettleTime = 50 * time.Millisecond
	r.options.MaxRejected, r.options.MaxChanged = 1, 1
	r.options.Compose.SplitOver = 500
	r.options.Compose.AllowLoopback = true
	r.live.OnAmbiguous = importer.Park
	r.freshAsker()
	var faults []*sandbox.Scripted
	for i, c := range causes {
		id := fmt.Sprintf("c%d", i+1)
		ids[c.reason] = source.ConversationID(id)
		if c.row != "" {
			r.legacyExec(strings.ReplaceAll(c.row, "$c", "'"+id+"'"))
		}
		if c.fault.Contains != "" {
			c.fault.Contains = strings.ReplaceAll(c.fault.Contains, "$c", id)
			faults = append(faults, r.world.AddFault(c.fault))
		}
	}
	phone := "+7912000" + fmt.Sprintf("%04d", slices.IndexFunc(causes, func(c cause) bool { return c.reason == outcome.ContactAmbiguous })+1)
	twin := `{"name":"twin","custom_fields_values":[{"field_code":"PHONE","values":[{"value":"` + phone + `"}]}]}`
	r.post("/api/v4/contacts", "["+twin+","+twin+"]")
	r.exec(`create function picky() returns trigger language plpgsql as $$ begin
			if new.detail is not null and new.conversation = '`+string(ids[outcome.LedgerRefused])+`' then raise exception 'not this' using errcode = '22021'; end if;
			return new; end $$`,
		`create trigger picky before update on amoimport.message for each row execute function picky()`)
	moved, deleted := false, false
	r.base = func(base http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			if chat, open := r.world.Chat("imp1-" + string(ids[outcome.LinkedElsewhere])); open && !moved && strings.HasSuffix(req.URL.Path, "/contacts/chats") {
				moved = true
				r.world.LinkByHand(chat.ID, r.world.Snapshot().Contacts[0].ID)
			}
			if id := r.contactOf(string(ids[outcome.LinkRejected])); id != 0 && !deleted && req.Method == http.MethodPost && linksPath.MatchString(req.URL.Path) {
				deleted = true
				r.world.DeleteContact(id)
			}
			return base.RoundTrip(req)
		})
	}
	r.wrap = func(inner importer.Target) importer.Target {
		return &hiding{Target: inner, msgid: "imp1-" + string(ids[outcome.InDoubt]) + "-m1", hidden: func() (importer.Sighting, bool) { return importer.Sighting{}, true }}
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.base = nil
	for _, f := range faults {
		f.Remove()
	}
	for _, c := range causes {
		if c.between != nil {
			c.between(r, ids[c.reason])
		}
	}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}

	produced := map[string]bool{string(outcome.BotForManager): true} // of any manager without a user
	for _, e := range demodata.Expectations() {
		produced[e.Reason] = true
		for _, n := range e.Notes {
			produced[n] = true
		}
	}
	produced[string(outcome.EditInDoubt)] = true // in TestEditInDoubt
	for _, c := range editCases() {
		produced[string(c.note)] = true
	}
	for reason, id := range ids {
		m := r.messages(id)["m1"]
		if m.reason != string(reason) && !slices.Contains(m.notes, string(reason)) {
			t.Errorf("%s: %+v", reason, m)
		}
		produced[string(reason)] = true
	}
	for _, known := range outcome.All() {
		if !produced[string(known.Code)] {
			t.Errorf("nothing shows how %s comes about", known.Code)
		}
	}
}
