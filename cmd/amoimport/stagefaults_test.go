package main

import "github.com/amoimport/amoimport/sandbox"

// faults makes the sandbox fail as a file says, from now on.
func (s *stage) faults(args []string) error {
	all, err := sandbox.ParseFaults([]byte(s.ts.ReadFile(args[0])))
	if err != nil {
		return err
	}
	for _, f := range all {
		s.scripted = append(s.scripted, s.world.AddFault(f))
	}
	return nil
}

// heal ends the faults of files.
func (s *stage) heal([]string) error {
	for _, f := range s.scripted {
		f.Remove()
	}
	s.scripted = nil
	return nil
}
