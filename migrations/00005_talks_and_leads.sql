-- +goose Up

-- Talks (беседы) of our chats that were found to be closed after the import.
create table amoimport.talk (
    talk_id      bigint primary key, -- amoCRM's
    conversation text collate "C" not null references amoimport.conversation,
    state        text not null check (state in ('found', 'asked', 'closed', 'refused')),
    reason       text, -- why it was refused
    asked_at     timestamptz,
    closed_at    timestamptz,
    updated_at   timestamptz not null default now()
);
create index talk_conversation on amoimport.talk (conversation);
create index talk_asked on amoimport.talk (talk_id) where state = 'asked';

alter table amoimport.conversation
    add column talks_looked_at timestamptz; -- when its talks were looked for last

-- Leads that show contacts their history: one a contact. A row is written before the call that makes its lead.
create table amoimport.lead (
    id          bigint generated always as identity primary key,
    contact_id  bigint unique, -- null: purged
    lead_id     bigint, -- 0: purged
    state       text not null check (state in ('creating', 'created', 'refused')),
    reason      text, -- why it was refused
    detail      text, -- codes and paths that the server named
    created_sec bigint, -- created_at that we give the lead, Unix seconds
    updated_at  timestamptz not null default now()
);
create index lead_creating on amoimport.lead (contact_id) where state = 'creating';
