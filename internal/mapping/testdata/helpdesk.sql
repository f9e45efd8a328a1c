-- A help desk's database: what its application made of it over the years.
create table users (id bigint primary key, name text, email text);
create table contacts (id bigint primary key, name text, phone_number text, email text, avatar_url text);
create table conversations (id bigint primary key, contact_id bigint, status integer not null);
create table messages (
    id bigint primary key, conversation_id bigint not null, message_type integer not null, private boolean default false,
    status integer, sender_type text, sender_id bigint, content text, content_attributes json, created_at timestamp not null
);
create index on messages (conversation_id);
create table attachments (
    id bigint primary key, message_id bigint not null, file_type integer not null, url text, file_name text, byte_size bigint,
    latitude double precision default 0, longitude double precision default 0, title text, phone_number text
);
create index on attachments (message_id);

-- User 7 and contact 7 are two people.
insert into users values (7, 'Anna', 'anna@example.com'), (8, 'Gleb', null);
insert into contacts values
    (7, 'Alice Example', '+7 915 000-11-22', 'alice@example.org', 'https://files.example.com/alice.png'),
    (9, 'Bob', null, 'bob@example.org', null),
    (10, 'Clara', null, null, null);
insert into conversations values (1, 7, 1), (2, 9, 0), (3, null, 2), (4, 404, 0), (5, 9, 1);

insert into messages (id, conversation_id, message_type, private, status, sender_type, sender_id, content, content_attributes, created_at) values
    (41, 1, 0, false, 0, 'Contact', 7, E'Hello,\nis "it" there? 👋', null, '2021-02-03 10:00:00'),
    (42, 1, 0, null, 0, 'Contact', 7, 'Two photos and the bill', '{}', '2021-02-03 10:00:01.25'),
    (43, 1, 1, false, 2, 'User', 7, 'I am looking.', '"{\"in_reply_to\":42}"', '2021-02-03 10:01:00'),
    (44, 1, 1, true, 0, 'User', 7, 'Is he the one from May?', null, '2021-02-03 10:01:30'),
    (45, 1, 2, false, 0, null, null, 'Conversation was marked resolved by Anna', null, '2021-02-03 10:02:00'),
    (46, 1, 3, false, 0, 'AgentBot', 7, 'Thank you for waiting', '{"in_reply_to": 41, "items": ["\"deleted\":true"]}', '2021-02-03 10:02:00'),
    (47, 1, 0, false, 0, 'Contact', 10, 'I am his wife', '"just words"', '2021-02-03 10:03:00'),
    (48, 1, 1, false, 3, 'User', 8, 'Too late', '""', '2021-02-03 10:04:00'),
    (49, 1, 0, false, 0, 'Contact', 7, 'This message was deleted', '"{\"deleted\":true}"', '2021-02-03 10:05:00'),
    (50, 1, 1, false, 1, 'User', 8, 'It is here.', '[1]', '2021-02-03 10:06:00'),
    (51, 1, 0, false, 0, 'Contact', 7, 'At last', 'null', '2021-02-03 10:06:00'),
    (60, 2, 0, false, 0, 'Contact', 9, '', null, '2021-03-28 02:30:00'),
    (61, 2, 0, false, 0, 'Contact', 9, null, null, '2021-03-28 02:31:00'),
    (62, 2, 0, false, 0, 'Contact', 9, 'The engine sounds like this', null, '2021-03-28 02:32:00'),
    (63, 2, 9, false, 0, 'User', 7, 'of a type nobody remembers', null, '2021-03-28 02:33:00'),
    (64, 2, 0, false, 0, 'Contact', 9, null, null, '2021-03-28 02:34:00'),
    (65, 2, 1, true, 0, 'User', 7, null, null, '2021-03-28 02:35:00'),
    (70, 3, 0, false, 0, null, null, 'No client is known', null, '2021-04-01 00:00:00'),
    (80, 4, 1, false, 0, 'User', 404, 'Both of us are gone', null, '2021-04-02 00:00:00'),
    (90, 99, 0, false, 0, 'Contact', 7, 'The conversation is gone', null, '2021-04-03 00:00:00');

insert into attachments (id, message_id, file_type, url, file_name, byte_size) values
    (105, 42, 0, 'https://files.example.com/second.jpg', 'second.jpg', 2000),
    (12, 42, 0, 'https://files.example.com/first.jpg', 'first.jpg', 1000),
    (15, 42, 3, 'https://files.example.com/bill.pdf', 'bill.pdf', 3000),
    (18, 62, 1, 'https://files.example.com/engine.mp3', 'engine.mp3', 4000),
    (19, 64, 2, null, 'lost.mp4', 5000),
    (20, 65, 0, 'https://files.example.com/note-1.png', 'note-1.png', 10),
    (21, 65, 0, 'https://files.example.com/note-2.png', 'note-2.png', 10);
insert into attachments (id, message_id, file_type, url, latitude, longitude) values
    (16, 60, 4, 'https://maps.example.com/?q=55.75,37.62', 55.75, 37.62);
insert into attachments (id, message_id, file_type, title, phone_number) values
    (17, 61, 5, 'Pavel the mechanic', '+7 915 000-33-44');
