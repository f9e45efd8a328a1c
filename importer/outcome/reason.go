package outcome

import (
	"cmp"
	"slices"
)

// Code names a reason or a note. Codes are written to ledgers and reports and
// so never change their meaning.
type Code string

// Why a message is skipped.
const (
	SkippedByQuery  Code = "skipped_by_query"
	DeletedInLegacy Code = "deleted_in_legacy"
	BlankText       Code = "blank_text"
	SkippedByHand   Code = "skipped_by_hand"
)

// Why a message is parked before anything is sent: the row.
const (
	NoConversation  Code = "no_conversation"
	NoSentAt        Code = "no_sent_at"
	BadTime         Code = "bad_time"
	BadDirection    Code = "bad_direction"
	UnknownKind     Code = "unknown_kind"
	BadSourceID     Code = "bad_source_id"
	NoMediaURL      Code = "no_media_url"
	BadMediaURL     Code = "bad_media_url"
	UnexpectedMedia Code = "unexpected_media"
	NoFileName      Code = "no_file_name"
	NoFileSize      Code = "no_file_size"
	BadLocation     Code = "bad_location"
	NoContactCard   Code = "no_contact_card"
	NoStickerID     Code = "no_sticker_id"
	TooLong         Code = "too_long"
)

// Why a message is parked: the run.
const (
	Rejected         Code = "rejected"
	InDoubt          Code = "in_doubt"
	ServerError      Code = "server_error"
	ChangedMidway    Code = "changed_midway"
	ContactRejected  Code = "contact_rejected"
	ContactAmbiguous Code = "contact_ambiguous"
	LinkedElsewhere  Code = "linked_elsewhere"
	LinkRejected     Code = "link_rejected"
	ChatRejected     Code = "chat_rejected"
	LedgerRefused    Code = "ledger_refused"
	MediaUnreachable Code = "media_unreachable"
)

// What is worth knowing about a message that was sent, or about a chat.
const (
	ReplyDroppedLater   Code = "reply_dropped_later"
	ReplyDroppedMissing Code = "reply_dropped_missing"
	ReplyDroppedSkipped Code = "reply_dropped_skipped"
	BotForManager       Code = "bot_for_manager"
	TextCleaned         Code = "text_cleaned"
	Split               Code = "split"
	FileNameFromURL     Code = "file_name_from_url"
	AvatarDropped       Code = "avatar_dropped"
	ProfileLinkDropped  Code = "profile_link_dropped"
	MediaAsText         Code = "media_as_text"
)

// What became of the change of a row that was sent before. A message has the note
// of the last one.
const (
	EditSent       Code = "edit_sent"
	EditOther      Code = "edit_other"
	EditNotText    Code = "edit_not_text"
	EditAuthor     Code = "edit_author"
	EditSplit      Code = "edit_split"
	EditUnsendable Code = "edit_unsendable"
	EditUnseen     Code = "edit_unseen"
	EditConflict   Code = "edit_conflict"
	EditRejected   Code = "edit_rejected"
	EditInDoubt    Code = "edit_in_doubt"
)

// Reason is what a code means to a person.
type Reason struct {
	Code    Code
	Outcome Outcome // what it leads to: Skipped or Parked; Sent for a note
	Short   string  // what happened, one line
	Advice  string  // what to do about it, one line
}

// Lookup finds the reason of a code; false means the code is not registered.
func Lookup(c Code) (Reason, bool) {
	for _, r := range registry() {
		if r.Code == c {
			return r, true
		}
	}
	return Reason{}, false
}

// All returns every reason and note, sorted by code.
func All() []Reason {
	r := registry()
	all := r[:]
	slices.SortFunc(all, func(a, b Reason) int { return cmp.Compare(a.Code, b.Code) })
	return all
}
