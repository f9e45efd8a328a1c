-- +goose Up

-- Who spoke, as it was sent: what a chat shows is compared with it.
alter table amoimport.message
    add column author     text, -- our id of the sender
    add column author_ref text; -- amojo's id of it; null for somebody outside

alter table amoimport.conversation
    add column intent_kind       text,
    add column intent_author     text,
    add column intent_author_ref text;
