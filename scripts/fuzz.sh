#!/usr/bin/env bash
# Runs every fuzz target for a while, one after another: scripts/fuzz.sh 5s [folder …]
# What makes one fail is written to the package's testdata/fuzz, and from then on go test tries it too.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-5s}
shift || true
go=${GO:-go}

if [ $# -eq 0 ]; then
	mapfile -t packages < <(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u)
	set -- "${packages[@]}"
fi
known=$("$go" env GOCACHE)/fuzz # where go test -fuzz keeps what it found, too
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# out_of_time: before 1.27 Go may take the end of the time for a failure, with no input that failed: go.dev/issue/75804.
out_of_time() {
	grep -qx ' *context deadline exceeded' "$work/words" && ! grep -qE 'Failing input written|corpus entry' "$work/words"
}

for package; do
	"$go" test -c -fuzz '^Fuzz' -o "$work/test" "$package"
	cd "$package"
	for target in $("$work/test" -test.list '^Fuzz'); do
		begun=$SECONDS
		if ! "$work/test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" -test.fuzzminimizetime 100x \
			-test.fuzzcachedir "$known/$("$go" list .)/" >"$work/words" 2>&1 && ! out_of_time; then
			cat "$work/words"
			echo "$package: $target failed"
			exit 1
		fi
		printf '%-24s %-20s %3d s  %s\n' "$package" "$target" $((SECONDS - begun)) \
			"$(grep -o 'execs: [0-9]*' "$work/words" | tail -1)"
	done
	cd - >/dev/null
done
