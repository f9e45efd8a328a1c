-- Conversations of staged keys that the ledger does not know, or whose client it does not.
select distinct k.conversation
from amoimport.enrol_key k
left join amoimport.conversation c on c.id = k.conversation
where k.epoch = $1 and c.client_id is null and k.conversation > $2
order by k.conversation
limit $3
