package ledger_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/amoimport/amoimport/importer/ledger"
)

// TestNoProofOfDeath: a holder that cannot be shown to be dead is given the whole
// lease time, however dead a process of that number may look from here.
func TestNoProofOfDeath(t *testing.T) {
	gone := ledger.Self("amoimport run")
	gone.Started = "1" // no process of now began then
	for name, change := range map[string]func(*ledger.Holder){
		"another boot":       func(h *ledger.Holder) { h.BootID = "other" },
		"no boot":            func(h *ledger.Holder) { h.BootID = "" },
		"another namespace":  func(h *ledger.Holder) { h.PIDNamespace = "pid:[1]" },
		"no namespace":       func(h *ledger.Holder) { h.PIDNamespace = "" },
		"no start":           func(h *ledger.Holder) { h.Started = "" },
		"lives, and is slow": func(h *ledger.Holder) { *h = ledger.Self("amoimport run") },
	} {
		holder := gone
		change(&holder)
		dsn := emptyLedger(t)
		exec(t, around(t, dsn), "update amoimport.lease set epoch = 4, held = true, boot_id = $1, pid_namespace = $2, pid = $3, started = $4",
			holder.BootID, holder.PIDNamespace, holder.PID, holder.Started)
		synctest.Test(t, func(t *testing.T) {
			l := connect(t, dsn)
			begun := time.Now()
			acquire(t, l, ledger.Self("test"))
			if took := time.Since(begun); took < ledger.MinLeaseTime {
				t.Errorf("%s: taken after %s", name, took)
			}
		})
	}
}
