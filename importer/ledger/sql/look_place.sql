-- What the server says of itself, of us, and of the schema. The folder of its data is shown to few.
select current_setting('server_version'),
    current_setting('server_version_num')::int,
    current_database()::text,
    current_user::text,
    pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool,
    to_regclass('amoimport.setup') is not null,
    coalesce(case when to_regnamespace($1) is null
            then has_database_privilege(current_database(), 'create')
            else has_schema_privilege(to_regnamespace($1)::oid, 'create, usage') end, false),
    pg_database_size(current_database()),
    coalesce(case when pg_has_role('pg_read_all_settings', 'usage') then current_setting('data_directory') end, ''),
    coalesce(inet_server_addr() is null or host(inet_server_addr()) in ('127.0.0.1', '::1'), false)
