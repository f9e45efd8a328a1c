package main

import (
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// display shows a run while it goes: a bar on a terminal, else lines of JSON that
// come often at first and rarely later.
type display struct {
	log zerolog.Logger

	read  func() figures
	bars  *mpb.Progress // nil: lines
	bar   *mpb.Bar
	ended chan struct{}
	idle  chan struct{} // closed when nothing is drawn any more
}

func (e env) newDisplay(read func() figures) *display {
	d := &display{read: read, ended: make(chan struct{}), idle: make(chan struct{})}
	if !e.terminal {
		d.log = zerolog.New(e.err).Level(zerolog.InfoLevel).With().Timestamp().Logger()
		go d.lines()
		return d
	}
	d.bars = mpb.New(mpb.WithOutput(e.err), mpb.WithWidth(40), mpb.WithRefreshRate(200*time.Millisecond))
	d.bar = d.bars.AddBar(0,
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return counted(d.read()) + " " })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + outlook(d.read()) })))
	// The bar container takes lines and puts them above the bars.
	d.log = zerolog.New(zerolog.ConsoleWriter{Out: d.bars, TimeFormat: time.TimeOnly}).Level(zerolog.InfoLevel).With().Timestamp().Logger()
	go d.draw()
	return d
}

// say tells a person something at once.
func (d *display) say(what string) {
	if d.bars != nil {
		_, _ = io.WriteString(d.bars, "amoimport: "+what+"\n")
		return
	}
	d.log.Info().Msg(what)
}

// end stops drawing. It may be called once.
func (d *display) end() {
	close(d.ended)
	<-d.idle
	if d.bars != nil {
		d.bar.Abort(false)
		d.bars.Wait()
	}
}

// draw moves the bar.
func (d *display) draw() {
	defer close(d.idle)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		f := d.read()
		if f.Phase == "replay" || f.Phase == "follow" || f.Phase == "done" {
			d.bar.SetTotal(max(due(f), 1), false)
			d.bar.SetCurrent(min(settled(f), due(f)))
		}
		select {
		case <-d.ended:
			return
		case <-tick.C:
		}
	}
}

// lines writes the figures now and then.
func (d *display) lines() {
	defer close(d.idle)
	begun := time.Now()
	timer := time.NewTimer(gap(0))
	defer timer.Stop()
	for {
		select {
		case <-d.ended:
			return
		case <-timer.C:
		}
		if f := d.read(); f.Phase != "" {
			line := d.log.Info().Str("phase", f.Phase)
			if f.Phase == "enrol" {
				line = line.Int64("enrolled", f.Enrolled)
			} else {
				line = line.Int64("settled", settled(f)).Int64("planned", due(f)).Int64("parked", f.Parked).Float64("per_second", round(f.Rate))
				if left, ok := remaining(f); ok {
					line = line.Stringer("eta", left)
				}
			}
			if f.ToMark > 0 {
				line = line.Int64("marked", f.Marked+f.Unmarkable).Int64("to_mark", f.ToMark)
			}
			if !f.Follow.Looked.IsZero() {
				line = line.Int64("behind", f.Follow.Behind).Float64("lag_seconds", round(f.Follow.Lag)).Time("looked_at", f.Follow.Looked).
					Bool("ready_for_cutover", !f.Follow.Ready.IsZero())
				if !f.Follow.Ready.IsZero() {
					line = line.Time("ready_as_of", f.Follow.Ready)
				}
			}
			if f.Waiting != "" {
				line = line.Str("waiting", f.Waiting)
			}
			line.Msg("progress")
		}
		timer.Reset(gap(time.Since(begun)))
	}
}

// gap is how long nothing is said after so much time: a run of a minute is
// followed closely, one of days leaves a log that can be read.
func gap(since time.Duration) time.Duration {
	switch {
	case since < 10*time.Second:
		return time.Second
	case since < time.Minute:
		return 5 * time.Second
	default:
		return 30 * time.Second
	}
}

// settled is how many of the planned messages are decided.
func settled(f figures) int64 { return f.Sent + f.Skipped + f.Parked }

// due is how many messages this run is to decide: what waits behind a parked one is
// for another.
func due(f figures) int64 { return f.Planned - f.Held }

// remaining is how long the rest takes at the present rate.
func remaining(f figures) (time.Duration, bool) {
	left := due(f) - settled(f)
	if left <= 0 || f.Rate <= 0 {
		return 0, false
	}
	const most = 10 * 365 * 24 * time.Hour // more says nothing, and must not overflow
	seconds := min(float64(left)/f.Rate, most.Seconds())
	return time.Duration(seconds * float64(time.Second)).Round(time.Second), true
}

func counted(f figures) string {
	switch f.Phase {
	case "":
		return "checking"
	case "enrol":
		return fmt.Sprintf("reading keys %d", f.Enrolled)
	}
	if f.Phase == "mark" {
		return fmt.Sprintf("marked as read %d of %d", f.Marked+f.Unmarkable, f.ToMark)
	}
	return fmt.Sprintf("messages %d of %d", settled(f), due(f))
}

func outlook(f figures) string {
	if f.Phase == "" || f.Phase == "enrol" {
		return f.Waiting
	}
	s := fmt.Sprintf("%.3g/s", f.Rate)
	if f.Phase == "follow" {
		s = "following, not ready for cut-over"
		if !f.Follow.Ready.IsZero() {
			s = "following, ready for cut-over as of " + f.Follow.Ready.Format(time.TimeOnly)
		}
	}
	if left, ok := remaining(f); ok {
		s += ", " + left.String() + " left"
	}
	if f.trouble && f.Waiting != "" {
		s += "; " + f.Waiting
	}
	return s
}

func round(rate float64) float64 { return float64(int64(rate*10+0.5)) / 10 }
