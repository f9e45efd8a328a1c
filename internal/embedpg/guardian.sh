# The guardian is the parent of a private Postgres and outlives its owner by a moment: the owner holds the writing
# end of the pipe that is our standard input, so the end of input means that the owner stopped the server, or that it
# died in whatever way. Both end the same: Postgres is stopped and the folder is removed.
#
# Arguments: RUN (folder to make: socket, log; removed at the end), DATA (data folder), BIN (folder of the
# binaries), then the arguments of postgres. Standard output tells the owner that the server has ended.

# Signals of a terminal or a supervisor are for the owner; we follow the owner.
trap '' HUP INT TERM
umask 077

run=$1 data=$2 bin=$3
shift 3
mkdir "$run" 2>&1 || exit
log=$run/log
cat >"$run/hba" <<HBA
local all all trust
host all all 127.0.0.1/32 scram-sha-256
HBA

# The pipe moves to 3, so that nobody below reads it.
exec 3<&0 </dev/null 2>>"$log"

(
	if [ ! -e "$data/PG_VERSION" ]; then
		"$bin/initdb" -D "$data" -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >>"$log" 2>&1 || {
			echo "initdb ended with status $?"
			exit
		}
		: >"$data/amoimport.embedpg"
	fi
	"$bin/postgres" -D "$data" -k "$run" -c "hba_file=$run/hba" "$@" >>"$log" 2>&1 &
	echo $! >"$run/pid"
	wait $!
	echo "postgres ended with status $?"
) 3<&- &
server=$!

read -r _ <&3

# The signal is repeated: there may be no postgres yet, or one that does not listen to signals yet.
signal=INT turns=0
while kill -0 "$server"; do
	[ ! -s "$run/pid" ] || kill -s "$signal" "$(cat "$run/pid")"
	sleep 0.05 || sleep 1
	turns=$((turns + 1))
	[ "$turns" -lt 100 ] || signal=QUIT
	[ "$turns" -lt 160 ] || signal=KILL
done
rm -rf "$run"
