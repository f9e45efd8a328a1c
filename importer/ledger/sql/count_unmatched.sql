select count(distinct k.person_id)
from amoimport.conversation c
join amoimport.client k on k.id = c.client_id
join amoimport.person p on p.id = k.person_id
where p.contact_id is null and (c.chat_id is null or c.link_id is null)
    and exists (select from amoimport.message m where m.conversation = c.id and m.outcome = 'planned')
