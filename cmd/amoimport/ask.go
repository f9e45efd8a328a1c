package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ask asks a person for what no flag gave. An answer that cannot be is asked for
// again. Nothing is written before the last answer.
func (n *newConfig) ask() error {
	fmt.Fprintln(n.err, "Enter takes what stands in brackets. Ctrl-C ends this; then nothing is written.")
	answers := bufio.NewReader(n.in)
	if !n.flagged["like"] {
		question := fmt.Sprintf("Worked mapping to begin with: %s [none]", known(" or "))
		if err := n.answer(answers, question, "", n.begin); err != nil {
			return err
		}
	}
	for _, b := range blanks() {
		if n.flagged[b.key] {
			continue
		}
		usual := b.usual
		if usual == "" {
			usual = "later"
		}
		question := fmt.Sprintf("%s [%s]", strings.ToUpper(b.what[:1])+b.what[1:], usual)
		take := func(value string) error { return n.set(b.key, value) }
		if err := n.answer(answers, question, b.usual, take); err != nil {
			return err
		}
	}
	return nil
}

// answer asks until the answer is one that can be taken; usual stands for Enter.
func (n *newConfig) answer(answers *bufio.Reader, question, usual string, take func(string) error) error {
	for {
		fmt.Fprintf(n.err, "%s: ", question)
		line, err := answers.ReadString('\n')
		if err != nil { // Ctrl-D, too
			fmt.Fprintln(n.err)
			if errors.Is(err, io.EOF) {
				err = errors.New("the input ended before the last question")
			}
			return &fault{problem: err.Error() + "; nothing is written", hint: "Start it again; flags can give the answers, too: `amoimport init --help`.", err: err}
		}
		value := strings.TrimSpace(line)
		if value == "" {
			value = usual
		}
		if err = take(value); err == nil {
			return nil
		}
		fmt.Fprintln(n.err, strings.TrimSpace(fmt.Sprintf("That cannot be: %v. %s", err, hintOf(err))))
	}
}
