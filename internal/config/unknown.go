package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// outside says where what is no key of the file is to be put.
var outside = map[string]string{
	"account.token":         "Put the token into " + EnvToken + ", or name a file in account.token_file.",
	"account.client_id":     "Put it into " + EnvClientID + ".",
	"account.client_secret": "Put it into " + EnvClientSecret + ".",
	"channel.secret":        "Put the secret into " + EnvChannelSecret + ", or name a file in channel.secret_file.",
	"source.dsn":            "Put the DSN into " + EnvSourceDSN + ", or name a file in source.dsn_file.",
}

// unknownHint says what may have been meant by a key that section t has not.
func unknownHint(at, path, key string, t reflect.Type) string {
	if hint, ok := outside[at]; ok {
		return "Secrets do not stand in this file. " + hint
	}
	known := slices.Sorted(maps.Keys(keys(t)))
	best, distance := "", max(2, len(key)/3)+1
	for _, k := range known {
		if d := edits(key, k); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("Did you mean %s?", strings.TrimPrefix(path+"."+best, "."))
	}
	whole := reflect.TypeFor[Config]()
	for _, section := range slices.Sorted(maps.Keys(keys(whole))) {
		if _, ok := keys(whole.Field(keys(whole)[section]).Type)[key]; ok {
			return fmt.Sprintf("Did you mean %s.%s?", section, key)
		}
	}
	return "The keys here are " + strings.Join(known, ", ") + "."
}

// edits is the number of letters to insert, drop, change or swap with their
// neighbour to turn a into b.
func edits(a, b string) int {
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}
