-- +goose Up

-- What is parked is little, and is looked for often: by who decides about it, and by a
-- lane that must stop at it.
create index message_parked on amoimport.message (conversation, sent_at, seq, length(id), id) where outcome = 'parked';

-- What was tried has taken its millisecond, whether it arrived or not.
drop index amoimport.message_sent;
create index message_tried on amoimport.message (conversation, sent_at, seq, length(id), id) where sent_msec is not null;
