-- People with messages in their chats of whom something is still to be sent.
select count(distinct coalesce(c.linked_contact, p.contact_id))
from amoimport.conversation c
join amoimport.client k on k.id = c.client_id
join amoimport.person p on p.id = k.person_id
where coalesce(c.linked_contact, p.contact_id) > 0
    and (c.intent_msgid is not null or exists (select from amoimport.message m where m.conversation = c.id and m.outcome = 'planned'))
    and not exists (select from amoimport.lead l where l.contact_id = coalesce(c.linked_contact, p.contact_id) and l.state <> 'refused')
