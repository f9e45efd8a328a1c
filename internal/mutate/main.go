// Mutate takes the defences of amoimport out, one at a time, and sees whether the
// test that is said to guard it fails. Each patch in mutants/ takes out one; run from
// the top of the repository:
//
//	go run ./internal/mutate            all of them
//	go run ./internal/mutate -part 1/3  a fixed third
//	go run ./internal/mutate -run epoch those whose name matches
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := mutate(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func mutate(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	folder := flags.String("patches", "mutants", "folder of the patches")
	part := flags.String("part", "1/1", "which part of them, as 2/3")
	run := flags.String("run", "", "only those whose name matches")
	jobs := flags.Int("jobs", 2, "how many at a time")
	timeout := flags.Duration("timeout", 60*time.Second, "of one test")
	verbose := flags.Bool("v", false, "print what the tests print")
	if err := flags.Parse(args); err != nil {
		return err
	}
	mutants, err := load(*folder, *part, *run)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "amoimport-mutate-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()

	var lives int
	for r := range tryAll(ctx, mutants, work, *jobs, *timeout) {
		if ctx.Err() != nil {
			continue // it was not tried to the end
		}
		dead := r.fate == killed || r.fate == hung
		fmt.Fprintf(out, "%-14s  %5.1f s  %-32s %s -run %s\n", r.fate, r.took.Seconds(), r.name, r.pkg, r.run)
		if !dead {
			lives++
		}
		if *verbose || !dead {
			fmt.Fprintf(out, "\t%s\n", strings.ReplaceAll(strings.TrimSpace(r.words), "\n", "\n\t"))
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case lives > 0:
		return fmt.Errorf("%d of %d mutants were not killed: a defence is gone and its test does not notice", lives, len(mutants))
	}
	fmt.Fprintf(out, "all %d mutants were killed\n", len(mutants))
	return nil
}

// tryAll tries mutants, some at a time, and gives the results as they come.
func tryAll(ctx context.Context, mutants []mutant, work string, jobs int, timeout time.Duration) <-chan result {
	results := make(chan result)
	turns := make(chan mutant)
	var all sync.WaitGroup
	for range max(jobs, 1) {
		all.Go(func() {
			for m := range turns {
				dir := filepath.Join(work, m.name)
				if err := os.Mkdir(dir, 0o755); err != nil {
					results <- result{mutant: m, fate: unapplied, words: err.Error()}
					continue
				}
				results <- m.try(ctx, dir, timeout)
				_ = os.RemoveAll(dir)
			}
		})
	}
	go func() {
		defer close(results)
		for _, m := range mutants {
			if ctx.Err() != nil {
				break
			}
			turns <- m
		}
		close(turns)
		all.Wait()
	}()
	return results
}

// load reads the patches of a part, in the order of their names.
func load(folder, part, run string) ([]mutant, error) {
	var k, n int
	if _, err := fmt.Sscanf(part, "%d/%d", &k, &n); err != nil || k < 1 || k > n {
		return nil, fmt.Errorf("part is %q, want something like 2/3", part)
	}
	matches, err := regexp.Compile(run)
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.patch"))
	if err != nil {
		return nil, err
	}
	var mutants []mutant
	var faults []error
	for i, path := range paths { // sorted
		if i%n != k-1 {
			continue
		}
		m, err := parse(path)
		faults = append(faults, err)
		if matches.MatchString(m.name) {
			mutants = append(mutants, m)
		}
	}
	if len(paths) == 0 {
		faults = append(faults, errors.New("no patches in "+folder))
	}
	return mutants, errors.Join(faults...)
}
