-- $3: the change is in the chat now. $6: it is decided, and not looked at again until the row changes.
-- What the chat was read to show before does not hold any more then.
with faults as (
    delete from amoimport.message_fault where conversation = $1 and $3::boolean
),
verdict as (
    delete from amoimport.chat_verdict where conversation = $1 and $3::boolean
)
update amoimport.message
set notes     = array(select n from unnest(notes) as n where n not like 'edit\_%') || $7::text,
    edit_hash = case when $6::boolean then $4::uuid else edit_hash end,
    sent_hash = case when $3::boolean then $4::uuid else sent_hash end,
    body_hash = case when $3::boolean then $5 else body_hash end,
    edited    = case when $3::boolean then row_hash <> $4::uuid else edited end
where conversation = $1 and id = $2
