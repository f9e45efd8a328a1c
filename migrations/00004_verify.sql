-- +goose Up

-- A reading back of chats. One that has no end yet is gone on with.
create table amoimport.verification (
    id       bigint generated always as identity primary key,
    scope    text not null, -- in words: all, sample 5%, only 7
    epoch    bigint not null,
    begun_at timestamptz not null default now(),
    ended_at timestamptz
);

-- What a chat showed when it was read last. Messages are counted by part.
create table amoimport.chat_verdict (
    conversation   text collate "C" primary key references amoimport.conversation,
    verification   bigint not null references amoimport.verification,
    read_at        timestamptz not null,
    messages       bigint not null, -- that the ledger said were sent
    present        bigint not null,
    missing        bigint not null,
    doubled        bigint not null,
    altered        bigint not null, -- in one of the next four ways, or several
    altered_text   bigint not null,
    altered_kind   bigint not null,
    altered_author bigint not null,
    time_off       bigint not null,
    out_of_order   bigint not null,
    unchecked      bigint not null, -- present, but their text or author is not known
    "foreign"      bigint not null, -- written by others
    shown          bigint not null, -- what as_shown is made of
    short_end      boolean not null, -- a short page was taken as the end
    legacy         text not null, -- digest of what was sent; empty: purged
    read_back      text not null, -- the same of what is there
    as_shown       text not null -- of what is there, without the ledger's help
);
create index chat_verdict_pass on amoimport.chat_verdict (verification, conversation);

create table amoimport.message_fault (
    conversation text collate "C" not null,
    message      text collate "C" not null,
    part         integer not null,
    fault        text not null,
    primary key (conversation, message, part, fault),
    foreign key (conversation, message) references amoimport.message
);
