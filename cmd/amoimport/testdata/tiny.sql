-- A small legacy database, as the canonical queries expect it.
create table conversations (
    id text primary key, client_id text, client_name text, client_phone text, client_email text,
    client_avatar_url text, client_profile_url text, closed boolean, source_external_id text
);
create table messages (
    conversation_id text not null, id text not null, seq bigint, sent_at timestamptz, direction text,
    manager_id text, author_id text, author_name text, kind text, text text, media_url text, file_name text,
    file_size bigint, media_duration integer, latitude double precision, longitude double precision,
    contact_name text, contact_phone text, sticker_id text, reply_to_id text, skip_reason text,
    primary key (conversation_id, id)
);
create table managers (id text primary key, name text, email text);

insert into managers values ('m1', 'Anna', 'Anna@example.com'), ('m2', 'Gleb', 'gleb@example.com'), ('m3', 'Zoya', null);
insert into conversations (id, client_id, client_name, client_phone) values
    ('a', 'alice', 'Alice Secretname', '+7 915 111-22-33'),
    ('b', 'bob', 'Bob', null),
    ('c', 'carol', 'Carol', null);
insert into messages (conversation_id, id, sent_at, direction, manager_id, text, skip_reason) values
    ('a', '1', '2021-02-03 10:00:00+00', 'in', null, 'Hello, is it there?', null),
    ('a', '2', '2021-02-03 10:01:00+00', 'out', 'm1', 'It is.', null),
    ('a', '3', '2021-02-03 10:02:00+00', 'out', 'm2', 'Come by.', null),
    ('b', '1', '2021-03-04 10:00:00+00', 'in', null, 'A private word', null),
    ('b', '2', '2021-03-04 10:01:00+00', 'out', 'm3', 'Yes?', null),
    ('b', '3', '2021-03-04 10:02:00+00', 'in', null, 'gone', 'spam');
