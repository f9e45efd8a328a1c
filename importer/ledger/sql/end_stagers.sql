-- Only the holder of the lease stages. Who else does is a process that is frozen or
-- out of reach, and its lock would hold up truncating for ever: Postgres never gives
-- up a copy that waits for rows.
select count(pg_terminate_backend(l.pid))
from pg_locks l
join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'relation' and l.database = (select oid from pg_database where datname = current_database())
    and l.relation in ('amoimport.enrol_conversation'::regclass, 'amoimport.enrol_key'::regclass)
    and l.mode = 'RowExclusiveLock' and l.granted
    and l.pid <> pg_backend_pid() and a.usename = current_user
