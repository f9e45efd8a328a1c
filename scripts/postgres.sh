#!/bin/sh
# Makes sure that this machine has the binaries of a Postgres server (initdb and postgres), which the demo and the
# tests start a private server with. Where they are missing it says what it does and installs the system's package.
#
# Usage: scripts/postgres.sh [pgbouncer] [FOLDER...]
# With the word pgbouncer it does the same for that program, which a test puts before the ledger.
# FOLDERs are looked at after PATH, in place of where packages usually put the binaries.
set -eu

what="Postgres server binaries"
binaries="initdb postgres"
if [ "${1-}" = pgbouncer ]; then
	what=pgbouncer binaries=pgbouncer
	shift
fi

# here FOLDER...: one folder of PATH or of these holds all the binaries.
here() {
	ifs=$IFS
	IFS=:
	# shellcheck disable=SC2086 # split at colons
	set -- $PATH "$@"
	IFS=$ifs
	for dir; do
		missing=
		for binary in $binaries; do
			[ -x "$dir/$binary" ] || missing=$binary
		done
		if [ -z "$missing" ]; then return 0; fi
	done
	return 1
}

# found FOLDER...: the same with the usual places if there are no FOLDERs. They are listed anew at each call.
found() {
	if [ $# -gt 0 ]; then here "$@"; return; fi
	if [ "$what" = pgbouncer ]; then here /usr/sbin /usr/local/sbin; return; fi
	here \
		/usr/lib/postgresql/*/bin \
		/usr/pgsql-*/bin \
		/usr/libexec/postgresql* \
		/opt/homebrew/opt/postgresql@*/bin \
		/usr/local/opt/postgresql@*/bin \
		/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin \
		/Applications/Postgres.app/Contents/Versions/*/bin \
		/usr/local/pgsql/bin
}

# fail REASON
fail() {
	if [ "$what" = pgbouncer ]; then
		echo "No pgbouncer, which the tests put before the ledger: $1. Install its package yourself." >&2
		exit 1
	fi
	cat >&2 <<-END
		No Postgres server binaries (initdb and postgres): $1.
		Install the server's package yourself, or run docker compose up -d and point at it with
		postgres://postgres:amoimport@127.0.0.1:54329/postgres, or take the DSN of any Postgres:
		AMOIMPORT_TEST_DATABASE_URL for the tests, --dsn for the demo.
	END
	exit 1
}

# run COMMAND...: says it, then does it.
run() {
	echo "No $what found; running: $*" >&2
	"$@"
}

has() { command -v "$1" >/dev/null; }

if found "$@"; then exit 0; fi

apt=postgresql dnf=postgresql-server brew=postgresql@17
if [ "$what" = pgbouncer ]; then apt=pgbouncer dnf=pgbouncer brew=pgbouncer; fi
if has apt-get; then
	as_root="env DEBIAN_FRONTEND=noninteractive apt-get install -y $apt"
elif has dnf; then
	as_root="dnf install -y $dnf"
elif has apk; then
	as_root="apk add $apt"
elif has brew; then
	if [ "$(id -u)" -eq 0 ]; then fail "Homebrew installs nothing for root; as another user: brew install $brew"; fi
	run brew install $brew || fail "brew install $brew failed"
	as_root=
else
	fail "none of apt-get, dnf, apk and brew is here to install them"
fi

if [ -n "$as_root" ]; then
	sudo=
	if [ "$(id -u)" -ne 0 ]; then
		has sudo || fail "without sudo only root can install them: $as_root"
		sudo=sudo
	fi
	# A package list that is partly out of reach may still do.
	if has apt-get; then run $sudo apt-get update || true; fi
	run $sudo $as_root || fail "$as_root failed"
fi

found "$@" || fail "the package was installed, but they are still not on PATH nor in the usual places"
