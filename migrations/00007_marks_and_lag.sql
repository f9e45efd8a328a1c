-- +goose Up

-- Phones and e-mails that more clients share than may: they are nobody's. A look at new
-- rows alone cannot count that.
create table amoimport.shared_key (
    key text primary key -- kind and keyed hash, as in person
);

-- Marking what managers wrote as read. What is left to be marked is found without
-- looking at what is.
alter table amoimport.message
    add column marked     integer not null default 0, -- parts for which that is over
    add column unmarkable integer not null default 0; -- of those, parts that amojo refused to mark
create index message_unmarked on amoimport.message (conversation, id) where author_ref is not null and marked < parts_sent;
