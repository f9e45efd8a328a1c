package main

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A signal that is sent twice in one go, to the process and to its group, is one. A second one later ends at once.
func TestSecondSignal(t *testing.T) {
	for name, c := range map[string]struct {
		after []time.Duration // when signals come, each after the one before
		want  []string
	}{
		"one":                       {[]time.Duration{0}, []string{"first"}},
		"the same one twice":        {[]time.Duration{0, 0}, []string{"first"}},
		"the same one, delayed":     {[]time.Duration{0, 499 * time.Millisecond}, []string{"first"}},
		"a second one":              {[]time.Duration{0, 500 * time.Millisecond}, []string{"first", "second"}},
		"a second one, twice":       {[]time.Duration{0, 0, time.Second, 0}, []string{"first", "second"}},
		"impatient, from the start": {[]time.Duration{0, 300 * time.Millisecond, 300 * time.Millisecond}, []string{"first", "second"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals, done := make(chan os.Signal, 2), make(chan struct{})
				var got []string
				go heed(signals, done, func() { got = append(got, "first") }, func() { got = append(got, "second") })
				for _, d := range c.after {
					<-time.After(d)
					signals <- os.Interrupt
					synctest.Wait()
				}
				close(done)
				synctest.Wait()
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}
