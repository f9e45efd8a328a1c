-- +goose Up

-- What may never change for a ledger; a run that differs is refused.
create table amoimport.setup (
    only_row              boolean primary key default true check (only_row),
    source_name           text not null,
    account               text not null, -- subdomain.domain
    scope_id              text not null, -- channel_account in amojo
    message_template      text not null,
    conversation_template text not null,
    client_template       text not null,
    author_template       text not null,
    manager_template      text not null,
    split_over            integer not null,
    enrolled_sql          text,        -- digest of the source queries at the last complete enrol
    enrolled_at           timestamptz,
    created_at            timestamptz not null default now()
);

-- Who may write. The holder raises beat; a newcomer takes over, raising epoch,
-- when beat stands still.
create table amoimport.lease (
    only_row      boolean primary key default true check (only_row),
    epoch         bigint not null default 0,
    beat          bigint not null default 0,
    held          boolean not null default false,
    command       text not null default '',
    host          text not null default '',
    boot_id       text not null default '',
    pid_namespace text not null default '',
    pid           integer not null default 0,
    started       text not null default '', -- start time of the process in the kernel's words
    taken_at      timestamptz,
    beat_at       timestamptz,
    figures       jsonb not null default '{}' -- what the holder is doing, for status
);
insert into amoimport.lease default values;

-- One contact of amoCRM, shared by all clients with the same key.
create table amoimport.person (
    id          bigint generated always as identity primary key,
    key         text not null unique, -- kind and keyed hash; never a phone or an e-mail
    contact_id  bigint,
    found       text check (found in ('by_field', 'by_phone', 'by_email', 'created')),
    batch_id    bigint, -- the creation it was in
    named_by    text, -- legacy client that gave the contact its name
    name_key    text, -- keyed hash of that name
    created_sec bigint -- created_at that we gave the contact, Unix seconds
);

-- A batch of contacts being created: written before the call, open until its end is known.
create table amoimport.contact_batch (
    id              bigint generated always as identity primary key,
    highest_contact bigint not null, -- newest contact id seen before the call
    settled         boolean not null default false,
    created_at      timestamptz not null default now()
);
create index contact_batch_open on amoimport.contact_batch (id) where not settled;

create table amoimport.client (
    id        text primary key, -- legacy id
    person_id bigint not null references amoimport.person,
    phone     text, -- keyed hash of the phone that may be used to look for its contact
    email     text  -- likewise
);
create index client_person on amoimport.client (person_id);

create table amoimport.conversation (
    id                 text collate "C" primary key, -- legacy id
    conversation_id    text not null unique, -- our id at amojo
    client_id          text references amoimport.client, -- null: the conversations query does not return it
    source_external_id text,
    closed             boolean not null default false,
    chat_id            text, -- amojo's id
    link_id            bigint,
    linked_contact     bigint,
    last_msgid         text, -- our id of the part sent last
    announced_msgid    text, -- the one message that was not silent
    -- The intent: the one part that may have been written to amojo without its end being known.
    intent_message     text,
    intent_msgid       text,
    intent_part        integer,
    intent_parts       integer,
    intent_end         integer, -- end of this part in the text, in runes
    intent_sent_msec   bigint,
    intent_row_hash    uuid,
    intent_body_hash   text,
    intent_notes       text[],
    intent_at          timestamptz
);
create index conversation_client on amoimport.conversation (client_id);

-- The order in a conversation is (sent_at, seq, length(id), id): where time and seq
-- tie, integer ids follow in their numeric order.
create table amoimport.message (
    conversation text collate "C" not null references amoimport.conversation,
    id           text collate "C" not null, -- legacy id
    msgid        text not null,
    sent_at      timestamptz,
    seq          bigint not null,
    row_hash     uuid not null, -- of the legacy row at the last enrol
    outcome      text not null default 'planned' check (outcome in ('planned', 'sent', 'skipped', 'parked')),
    reason       text,
    detail       text,
    notes        text[],
    attempts     integer not null default 0,
    last_fault   text, -- the reason it had when a person planned it again
    parts        integer, -- how many messages it becomes
    parts_sent   integer not null default 0,
    part_ends    integer[], -- end of each part sent in the text, in runes
    amojo_ids    text[], -- amojo's id of each part sent
    sent_msec    bigint, -- message time of the first part; part k has k - 1 more
    sent_hash    uuid, -- of the legacy row as it was sent
    body_hash    text, -- of the composed message
    kind         text,
    settled_at   timestamptz,
    edited       boolean not null default false, -- the legacy row changed after it was sent
    vanished     boolean not null default false, -- the legacy row was deleted after it was sent
    primary key (conversation, id)
);
create unique index message_msgid on amoimport.message (msgid);
create index message_planned on amoimport.message (conversation, sent_at, seq, length(id), id) where outcome = 'planned';
create index message_sent on amoimport.message (conversation, sent_at, seq, length(id), id) where parts_sent > 0;

-- What the report tells: resumes, outages, refusals, changed settings.
create table amoimport.event (
    id         bigint generated always as identity primary key,
    at         timestamptz not null default now(),
    epoch      bigint not null,
    kind       text not null,
    detail     jsonb not null default '{}'
);

-- What was learned about the servers in this migration.
create table amoimport.learned (
    name  text primary key,
    value text not null,
    at    timestamptz not null default now()
);

-- Where enrol gathers a pass before it merges it.
create unlogged table amoimport.enrol_conversation (
    epoch              bigint not null,
    id                 text collate "C" not null,
    conversation_id    text not null,
    client_id          text not null,
    phone              text,
    email              text,
    source_external_id text,
    closed             boolean not null
);

create unlogged table amoimport.enrol_key (
    epoch        bigint not null,
    conversation text collate "C" not null,
    id           text collate "C" not null,
    msgid        text not null,
    sent_at      timestamptz,
    seq          bigint not null,
    skip_reason  text,
    hash         uuid not null
);
