-- A key share lock lets the holder beat while a long statement runs, and keeps
-- out a newcomer, who locks for update. A process that is frozen in the middle of
-- a transaction would keep him out for ever, so Postgres ends one that stands idle.
select set_config('idle_in_transaction_session_timeout', $2, true)
from amoimport.lease
where epoch = $1 and held
for key share
