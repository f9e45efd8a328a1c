-- +goose Up

-- The legacy row about which it was decided last whether its edit goes out.
alter table amoimport.message
    add column edit_hash uuid;

-- Rows that changed after they were sent are few, and are looked for in every run.
create index message_edited on amoimport.message (conversation, sent_at, seq, length(id), id) where edited;

-- The intent may be an edit of a message that was sent before.
alter table amoimport.conversation
    add column intent_edit boolean not null default false;
