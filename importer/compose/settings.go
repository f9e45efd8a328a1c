// Package compose turns a legacy message into what amojo is to be sent: one
// message, or several where the text is too long for one, or the reason why it
// cannot be sent. It is pure: the same row and settings give the same parts,
// today and in the run that resumes next week.
package compose

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/amoimport/amoimport/amojo"
	"github.com/amoimport/amoimport/importer/outcome"
)

// Settings is how rows become messages. IDs and Bot must be set; the zero value
// of everything else stands for its default.
type Settings struct {
	IDs Templates

	// SplitOver is the most characters (runes) of text in one message; a longer
	// text is sent in parts. 0 means 4000.
	SplitOver int

	// Bot is the channel's bot as amoCRM named it when it registered the channel:
	// ID is its client_id, RefID its id in amojo. It speaks for managers without
	// a user and for machines.
	Bot amojo.Party

	// Managers is who is known inside, by legacy manager id.
	Managers map[string]Manager

	// ManagerNameFormat stands in front of the text when the bot speaks for a
	// manager; {name} is the manager's name. "" means "{name}: ".
	ManagerNameFormat string

	// UnnamedClient and UnnamedManager name people without a name, which amojo
	// requires; {id} is the legacy id. "" means "Client {id}" and "Manager {id}".
	UnnamedClient  string
	UnnamedManager string

	// MediaURL makes the URLs of files for a database that holds none.
	MediaURL MediaTemplate

	// AllowLoopback takes files on this machine for public: those of a rehearsal.
	AllowLoopback bool
}

// Manager is a person inside.
type Manager struct {
	Name  string
	RefID string // the amoCRM user's amojo_id; "" when there is no such user
}

// Reply is what the caller found for a message's ReplyToID. The zero value says
// that it found nothing.
type Reply struct {
	MsgID string       // msgid of the quoted message's first part, if it was sent before
	Note  outcome.Code // otherwise why it is not quoted: one of outcome.ReplyDropped…
}

// Composed is a message ready to go out.
type Composed struct {
	// Parts are to be sent in this order, each after Stamp. All are silent.
	Parts []amojo.Message
	Notes []outcome.Code
	// Speaker stands in front of the text where the bot speaks for a manager.
	Speaker string
}

// Refusal is why a message is not sent.
type Refusal struct {
	Code   outcome.Code
	Detail string // more about it, "" if there is nothing more; holds no text, name or phone
}

// The bounds of Settings.
const (
	defaultSplitOver = 4000
	minSplitOver     = 500 // a manager's name must fit in front of the text with room to spare
	maxNameFormat    = 64
	maxParts         = 9999 // a part's number has four digits in its msgid
)

// Validate reports all faults of the settings at once, joined.
func (s Settings) Validate() error {
	faults := []error{s.IDs.Validate()}
	if s.SplitOver != 0 && s.SplitOver < minSplitOver {
		faults = append(faults, fmt.Errorf("split length is %d characters; the least is %d", s.SplitOver, minSplitOver))
	}
	if s.Bot.ID == "" || s.Bot.RefID == "" || s.Bot.Name == "" {
		faults = append(faults, errors.New("the channel's bot needs an id, a ref_id and a name, as amoCRM gave them when the channel was registered"))
	}
	if f := s.ManagerNameFormat; f != "" && (!strings.Contains(f, namePlaceholder) || utf8.RuneCountInString(f) > maxNameFormat) {
		faults = append(faults, fmt.Errorf("manager name format %q must hold %s and at most %d characters", f, namePlaceholder, maxNameFormat))
	}
	if err := s.MediaURL.Validate(s.AllowLoopback); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

const namePlaceholder = "{name}"

func (s Settings) splitOver() int {
	if s.SplitOver == 0 {
		return defaultSplitOver
	}
	return s.SplitOver
}
