-- A legacy database laid out as the canonical queries expect it.

create table conversations (
    id                 text primary key,
    client_id          text,
    client_name        text,
    client_phone       text,
    client_email       text,
    client_avatar_url  text,
    client_profile_url text,
    closed             boolean not null default false,
    source_external_id text
);

create table messages (
    conversation_id text not null,
    id              text not null,
    seq             bigint,
    sent_at         timestamptz,
    direction       text,
    manager_id      text,
    author_id       text,
    author_name     text,
    kind            text,
    text            text,
    media_url       text,
    file_name       text,
    file_size       bigint,
    media_duration  integer,
    latitude        double precision,
    longitude       double precision,
    contact_name    text,
    contact_phone   text,
    sticker_id      text,
    reply_to_id     text,
    skip_reason     text,
    primary key (conversation_id, id)
);

create table managers (
    id    text primary key,
    name  text,
    email text
);
