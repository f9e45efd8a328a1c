-- +goose Up

-- Phones and e-mails that more clients share than may: they are nobody's. A look at new
-- rows alone cannot count that.
create table amoimport.shared_key (
    key text primary key -- kind and keyed hash, as in person
);
