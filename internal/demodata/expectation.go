package demodata

// Expectation is what an import with default settings must make of one of the
// demo's odd cases.
//
// A message that no expectation names is sent in one part, without a note other
// than bot_for_manager (the manager has no user in amoCRM).
type Expectation struct {
	Case         string // what is odd, for people
	Conversation string
	Message      string   // "" when it is about the conversation as a whole
	Outcome      string   // sent, skipped or parked; "" for a conversation
	Reason       string   // why, for skipped and parked
	Notes        []string // with what remark, for sent
	Parts        int      // in how many messages it arrives; 0 when it does not

	// Of a conversation: how many messages its chat holds in the end, and whose
	// contact it is linked to: those with the same person share one contact,
	// those with different ones do not, and "" says nothing.
	Messages int
	Person   string
}

// Expectations lists what must become of the odd cases.
func Expectations() []Expectation { return build(Options{}).expectations }
