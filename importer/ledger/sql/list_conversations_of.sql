select c.id
from amoimport.conversation c
join amoimport.client k on k.id = c.client_id
where k.person_id = $1
    and exists (select from amoimport.message m where m.conversation = c.id and m.outcome = 'planned')
order by c.id
