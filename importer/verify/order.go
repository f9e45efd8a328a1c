package verify

import (
	"slices"
)

// misplaced returns the fewest parts without which the others follow each other
// in time. Equal times say nothing about order; where one time is known in whole
// seconds only, all are compared so.
func misplaced(parts []*part) []*part {
	exact := !slices.ContainsFunc(parts, func(p *part) bool { return p.MsecTimestamp == 0 })
	at := func(p *part) int64 {
		if exact {
			return p.MsecTimestamp
		}
		return p.Time().Unix()
	}
	// The longest run of times that do not fall: ends[n] is the part that ends the
	// best run of n+1 parts so far, before[i] the part before i in its run.
	var ends []int
	before := make([]int, len(parts))
	for i, p := range parts {
		n, _ := slices.BinarySearchFunc(ends, at(p), func(end int, t int64) int {
			if at(parts[end]) <= t {
				return -1
			}
			return 1
		})
		before[i] = -1
		if n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	if len(ends) == len(parts) {
		return nil
	}
	keep := make([]bool, len(parts))
	for i := ends[len(ends)-1]; i >= 0; i = before[i] {
		keep[i] = true
	}
	var out []*part
	for i, p := range parts {
		if !keep[i] {
			out = append(out, p)
		}
	}
	return out
}
