-- Ends who writes to this ledger and was cut off in the middle of a request. Postgres
-- waits for the rest of it with all locks held: to it that is no idle transaction, and
-- so it has no limit of time. Who is ended though it lives does its work again.
select count(pg_terminate_backend(a.pid))
from pg_stat_activity a
where a.datname = current_database() and a.usename = current_user and a.application_name = current_setting('application_name')
    and a.pid <> pg_backend_pid() and a.state = 'active' and a.wait_event = 'ClientRead'
    and exists (
        select
        from pg_locks l
        where l.pid = a.pid and l.locktype = 'relation' and l.database = a.datid and l.granted and l.mode <> 'AccessShareLock'
            and l.relation in ('amoimport.lease'::regclass, 'amoimport.conversation'::regclass, 'amoimport.message'::regclass))
