package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/amoimport/amoimport/importer/ledger"
	"github.com/amoimport/amoimport/importer/verify"
	"github.com/amoimport/amoimport/source"
)

// chatPage is how many chats are read from the ledger at a time.
const chatPage = 1000

// Chats are all chats of a ledger, in order of their conversations' ids.
func Chats(ctx context.Context, l *ledger.Ledger) iter.Seq2[Chat, error] {
	return func(yield func(Chat, error) bool) {
		var after source.ConversationID
		for {
			page, err := l.ReadChats(ctx, after, chatPage)
			if err != nil {
				yield(Chat{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, c := range page {
				if !yield(Chat{c.Conversation, c.ChatID, utc(c.ReadAt), c.Counts, c.Digests}, nil) {
					return
				}
			}
			after = page[len(page)-1].Conversation
		}
	}
}

// WriteJSON writes the report with its chats, one a line, and keeps none of them.
func (r *Report) WriteJSON(w io.Writer, chats iter.Seq2[Chat, error]) error {
	head, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	_, _ = out.Write(bytes.TrimSuffix(head, []byte("\n}"))) // out keeps its first error
	_, _ = out.WriteString(",\n  \"chats\": [")
	sum, comma := verify.NewSum(), "\n    "
	for c, err := range chats {
		if err != nil {
			return err
		}
		line, err := json.Marshal(c)
		if err != nil {
			return err
		}
		_, _ = out.WriteString(comma)
		_, _ = out.Write(line)
		sum.Add(c.Digests)
		comma = ",\n    "
	}
	tail, err := json.Marshal(sum.Digests())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n  ],\n  \"digests\": %s\n}\n", tail)
	return out.Flush()
}

// FileError says why a file cannot be used as a report.
type FileError struct {
	Problem string
	Err     error // the cause, if any
}

func (e *FileError) Error() string { return e.Problem }
func (e *FileError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *FileError) Hint() string {
	return "Give a file that `amoimport report --json > report.json` wrote, as it was written."
}

// File is a report that is read from its JSON: its beginning, and its chats as they
// come.
type File struct {
	Report
	dec *json.Decoder
}

// Open reads a report's beginning. What is no report, or one of another version, is a
// *FileError.
func Open(r io.Reader) (*File, error) {
	f := &File{dec: json.NewDecoder(bufio.NewReader(r))}
	first, err := f.dec.Token()
	if err != nil || first != json.Delim('{') {
		return nil, &FileError{"this is no report: it is not the JSON of one", err}
	}
	head := map[string]json.RawMessage{}
	for f.dec.More() {
		key, err := f.dec.Token()
		if err != nil {
			return nil, cutOff(err)
		}
		if len(head) == 0 && key != "format" {
			return nil, &FileError{Problem: "this is no report: it does not say so at its beginning"}
		}
		if key == "chats" {
			return f, f.begin(head)
		}
		var value json.RawMessage
		if err := f.dec.Decode(&value); err != nil {
			return nil, cutOff(err)
		}
		head[key.(string)] = value
	}
	return nil, &FileError{Problem: "this is no report: it has no chats"}
}

// begin takes in what came before the chats, and the beginning of their list.
func (f *File) begin(head map[string]json.RawMessage) error {
	var format string
	if json.Unmarshal(head["format"], &format) != nil || format != Format {
		return &FileError{Problem: "this is no report: it does not say so at its beginning"}
	}
	if err := json.Unmarshal(head["version"], &f.Version); err != nil || f.Version != Version {
		return &FileError{Problem: fmt.Sprintf("the report's version is %s, and this program reads %d", head["version"], Version), Err: err}
	}
	text, err := json.Marshal(head)
	if err == nil {
		err = json.Unmarshal(text, &f.Report)
	}
	if err != nil {
		return &FileError{"the report cannot be understood: " + err.Error(), err}
	}
	if list, err := f.dec.Token(); err != nil || list != json.Delim('[') {
		return cutOff(err)
	}
	return nil
}

// Chats are the report's chats; once. A file that is cut off, or whose digests are not
// those of its chats, is a *FileError at its end.
func (f *File) Chats() iter.Seq2[Chat, error] {
	return func(yield func(Chat, error) bool) {
		sum := verify.NewSum()
		for f.dec.More() {
			var c Chat
			if err := f.dec.Decode(&c); err != nil {
				yield(c, cutOff(err))
				return
			}
			sum.Add(c.Digests)
			if !yield(c, nil) {
				return
			}
		}
		if err := f.end(sum.Digests()); err != nil {
			yield(Chat{}, err)
		}
	}
}

// end reads what comes after the chats.
func (f *File) end(have ledger.Digests) error {
	var said ledger.Digests
	for _, want := range []any{json.Delim(']'), "digests"} {
		if t, err := f.dec.Token(); err != nil || t != want {
			return cutOff(err)
		}
	}
	if err := f.dec.Decode(&said); err != nil {
		return cutOff(err)
	}
	if said != have {
		return &FileError{Problem: "the report was changed: the digest over all chats is not that of its chats"}
	}
	return nil
}

func cutOff(err error) error {
	var syntax *json.SyntaxError
	if err == nil || errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &FileError{"the report is cut off, or was changed", err}
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return &FileError{"the report was changed: " + kind.Error(), err}
	}
	return err
}
