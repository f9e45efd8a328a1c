-- A bot platform's database: every event of a dialog is a row, and what it carries is JSON.
create table operators (id uuid primary key, full_name text, email text);
create table bot_users (id uuid primary key, profile jsonb not null);
create table dialogs (id uuid primary key, user_id uuid, finished_at timestamptz);
create table events (
    id uuid primary key, dialog_id uuid not null, n bigint not null, created_at timestamptz(0) not null, author text not null,
    operator_id uuid, type text not null, payload jsonb not null default '{}', edit_of uuid, reply_to uuid,
    unique (dialog_id, n)
);

insert into operators values
    ('00000000-0000-4000-8000-0000000000a1', 'Anna', 'anna@example.com'),
    ('00000000-0000-4000-8000-0000000000a2', 'Gleb', null);
insert into bot_users values
    ('00000000-0000-4000-8000-0000000000b1', '{"name": "Alice Example", "phone": 79150001122, "email": "alice@example.org"}'),
    ('00000000-0000-4000-8000-0000000000b2', '{}');
insert into dialogs values
    ('00000000-0000-4000-8000-0000000000d1', '00000000-0000-4000-8000-0000000000b1', '2021-02-04 00:00+00'),
    ('00000000-0000-4000-8000-0000000000d2', '00000000-0000-4000-8000-0000000000b2', null),
    ('00000000-0000-4000-8000-0000000000d3', null, null);

-- The ids say nothing about the order: within a second only n does.
insert into events (id, dialog_id, n, created_at, author, operator_id, type, payload, edit_of, reply_to) values
    ('f0000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-0000000000d1', 1, '2021-02-03 13:00:00+03', 'system', null, 'started', '{"ref": "site"}', null, null),
    ('e0000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-0000000000d1', 2, '2021-02-03 13:00:00+03', 'bot', null, 'text', '{"text": "What is it about?", "buttons": ["Order", "Other"]}', null, null),
    ('d0000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-0000000000d1', 3, '2021-02-03 13:00:00+03', 'user', null, 'button', '{"button": "Order"}', null, null),
    ('c0000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-0000000000d1', 4, '2021-02-03 13:00:00+03', 'user', null, 'text', '{"text": "Where is my ordr?"}', null, null),
    ('b0000000-0000-4000-8000-000000000005', '00000000-0000-4000-8000-0000000000d1', 5, '2021-02-03 13:00:01+03', 'user', null, 'text', '{"text": "Where is my orde?"}', 'c0000000-0000-4000-8000-000000000004', null),
    ('a0000000-0000-4000-8000-000000000006', '00000000-0000-4000-8000-0000000000d1', 6, '2021-02-03 13:00:02+03', 'user', null, 'text', '{"text": "Where is my order?"}', 'c0000000-0000-4000-8000-000000000004', null),
    ('90000000-0000-4000-8000-000000000007', '00000000-0000-4000-8000-0000000000d1', 7, '2021-02-03 13:00:03+03', 'user', null, 'text', '{"pinned": true}', 'c0000000-0000-4000-8000-000000000004', null),
    ('80000000-0000-4000-8000-000000000008', '00000000-0000-4000-8000-0000000000d1', 8, '2021-02-03 13:00:03+03', 'operator', '00000000-0000-4000-8000-0000000000a1', 'text', '{"text": "On its way."}', null, 'c0000000-0000-4000-8000-000000000004'),
    ('70000000-0000-4000-8000-000000000009', '00000000-0000-4000-8000-0000000000d1', 9, '2021-02-03 13:00:03+03', 'operator', '00000000-0000-4000-8000-0000000000a2', 'photo', '{"url": "https://files.example.com/parcel.jpg", "file_name": "parcel.jpg", "size": 1000, "text": "This one"}', null, null),
    ('60000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-0000000000d1', 10, '2021-02-03 13:00:04+03', 'operator', '00000000-0000-4000-8000-0000000000a2', 'text', '{"text": "This one, the red"}', '70000000-0000-4000-8000-000000000009', null),

    ('f0000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-0000000000d2', 1, '2021-03-04 10:00:00+00', 'user', null, 'voice', '{"url": "https://files.example.com/voice.ogg", "duration": 6.6, "size": "unknown"}', null, null),
    ('e0000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-0000000000d2', 2, '2021-03-04 10:00:00+00', 'user', null, 'location', '{"latitude": 55.75, "longitude": 37.62}', null, null),
    ('d0000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-0000000000d2', 3, '2021-03-04 10:00:00+00', 'user', null, 'contact', '{"name": "Pavel", "phone": "+7 915 000-33-44"}', null, null),
    ('c0000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-0000000000d2', 4, '2021-03-04 10:00:01+00', 'user', null, 'document', '{"url": "https://files.example.com/bill.pdf", "file_name": "bill.pdf", "size": 3000.5}', null, null),
    ('b0000000-0000-4000-8000-000000000015', '00000000-0000-4000-8000-0000000000d2', 5, '2021-03-04 10:00:02+00', 'user', null, 'text', '{"text": "An edit of what is gone"}', '00000000-0000-4000-8000-00000000dead', null),
    ('a0000000-0000-4000-8000-000000000016', '00000000-0000-4000-8000-0000000000d2', 6, '2021-03-04 10:00:03+00', 'user', null, 'location', '{"latitude": "north", "longitude": null}', null, null),
    ('90000000-0000-4000-8000-000000000017', '00000000-0000-4000-8000-0000000000d2', 7, '2021-03-04 10:00:04+00', 'user', null, 'poll', '{"question": "Which?"}', null, null),

    ('f0000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-0000000000d3', 1, '2021-04-05 10:00:00+00', 'user', null, 'text', '[]', null, null),
    ('e0000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-0000000000d3', 2, '2021-04-05 10:00:00+00', 'user', null, 'sticker', '{"sticker": "s-17", "url": "https://files.example.com/s-17.webp"}', null, null);
