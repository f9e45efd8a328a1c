select count(*) filter (where k.id is null), count(*)
from amoimport.message m
left join amoimport.enrol_key k on k.epoch = $1 and k.conversation = m.conversation and k.id = m.id
where m.outcome in ('planned', 'sent') and not m.vanished
