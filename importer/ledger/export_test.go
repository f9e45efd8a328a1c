package ledger

// Gathered is how many changes wait for the next group to be committed.
func Gathered(l *Ledger) int {
	l.commits.mu.Lock()
	defer l.commits.mu.Unlock()
	return len(l.commits.waiting)
}
