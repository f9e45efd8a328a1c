select count(*) filter (where k.hash <> m.sent_hash), count(*)
from amoimport.enrol_key k
join amoimport.message m on m.conversation = k.conversation and m.id = k.id
where k.epoch = $1 and m.outcome = 'sent'
