-- A row that is the same and has another time is read in another time zone.
select count(*) filter (where k.hash <> m.sent_hash), count(*) filter (where k.hash = m.sent_hash and k.sent_at <> m.sent_at), count(*)
from amoimport.enrol_key k
join amoimport.message m on m.conversation = k.conversation and m.id = k.id
where k.epoch = $1 and m.outcome = 'sent'
