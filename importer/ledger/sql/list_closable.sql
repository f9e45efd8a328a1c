-- Conversations to be closed ($1: all of them, not only those closed in the legacy database) whose talks are still to
-- be looked for: never looked, nothing found, something not closed, or messages since.
select coalesce(c.linked_contact, p.contact_id), c.id, c.chat_id,
    array(select t.talk_id from amoimport.talk t where t.conversation = c.id and t.state <> 'closed' order by t.talk_id)
from amoimport.conversation c
join amoimport.client k on k.id = c.client_id
join amoimport.person p on p.id = k.person_id
where (c.closed or $1::boolean) and c.chat_id is not null and c.intent_msgid is null and coalesce(c.linked_contact, p.contact_id) > 0
    and c.last_msgid is not null
    and not exists (select from amoimport.message m where m.conversation = c.id and m.outcome = 'planned')
    and (c.talks_looked_at is null
        or not exists (select from amoimport.talk t where t.conversation = c.id)
        or exists (select from amoimport.talk t where t.conversation = c.id and t.state <> 'closed')
        or exists (select from amoimport.message m where m.conversation = c.id and m.parts_sent > 0 and m.settled_at > c.talks_looked_at))
order by 1, 2
