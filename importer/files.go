package importer

import (
	"context"
	"errors"
	"strings"

	"github.com/amoimport/amoimport/importer/compose"
	"github.com/amoimport/amoimport/importer/media"
	"github.com/amoimport/amoimport/importer/outcome"
	"github.com/amoimport/amoimport/source"
)

// Files says what a run does about files of which the rows do not tell all.
type Files struct {
	Asker  *media.Asker // nil: no server is asked
	All    bool         // ask about every file, not only where its name or size is missing
	AsText bool         // a file that is not to be had is named in a text; else its message is parked
}

// settleFile decides what goes out for a message's file, and changes the letter's
// body accordingly. What servers say can change from one run to the next; a message
// that was tried must not change with it. So the hash of the texts that were sent, or
// may have been, decides first: it tells the file from the text that names it.
func (f *feed) settleFile(ctx context.Context, m *letter) (*compose.Refusal, error) {
	a := f.Compose.Attachment(f.row, m.body)
	if a.URL == "" && a.Refused == nil {
		return nil, nil
	}
	named := &letter{planned: m.planned, body: f.Compose.AsText(f.row, m.body), notes: []outcome.Code{outcome.MediaAsText}}
	assumed := a.Assume(m.body)
	switch sent := m.planned.BodyHash; {
	case sent != "" && sent == f.textHash(named.body):
		m.body, m.notes = named.body, named.notes
		return nil, nil
	case m.planned.PartsSent > 0:
		m.body = assumed // the part that tells of the file is out
		return nil, nil
	}
	fault, asText := a.Refused, f.Files.AsText
	if fault == nil {
		if f.textHash(assumed) == "" {
			return nil, nil // it is refused, whatever the server says
		}
		lost, err := f.askForFile(ctx, m, a)
		if err != nil {
			return nil, err
		}
		if lost != nil {
			fault = &compose.Refusal{Code: outcome.MediaUnreachable, Detail: lost.Why}
			asText = asText && !lost.Guessed // a text is for good
		} else if _, fault = f.Compose.Compose(f.row, m.body, compose.Reply{}); fault != nil {
			asText = false // the file is there; its server does not tell enough
		} else {
			return nil, nil
		}
	}
	switch {
	case asText && m.planned.Attempts > 0 && a.Refused == nil:
		// It may be in the chat, file and all: that is looked for first.
		m.body, m.otherwise = assumed, named
		return nil, nil
	case asText:
		m.body, m.notes = named.body, named.notes
		return nil, nil
	case a.Refused != nil:
		return nil, nil // composing refuses it, for this or for what weighs more
	}
	return fault, nil
}

// askForFile fills in what the server tells of a file, or says why it is not to be had.
func (f *feed) askForFile(ctx context.Context, m *letter, a compose.Attachment) (lost *media.UnreachableError, _ error) {
	if f.Files.Asker == nil || !a.LacksName && !a.LacksSize && !f.Files.All {
		return nil, nil
	}
	file, err := f.Files.Asker.Ask(ctx, a.URL, f.Target.ChatsAnswer)
	if errors.As(err, &lost) {
		return lost, nil
	}
	if err != nil {
		return nil, err
	}
	if a.LacksSize && file.Size >= 0 {
		m.body.FileSize = &file.Size
	}
	if file.Name != "" && strings.TrimSpace(m.body.FileName) == "" {
		m.body.FileName = file.Name
	}
	return nil, nil
}

// textHash is the digest of the texts that a body becomes; "" if it becomes none.
func (f *feed) textHash(m source.Message) string {
	composed, refusal := f.Compose.Compose(f.row, m, compose.Reply{})
	if refusal != nil {
		return ""
	}
	return compose.TextHash(composed.Parts)
}
