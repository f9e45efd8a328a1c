-- Contacts whose chats hold messages of ours and that got no lead from us, with the times of the first and the last of
-- these messages, and the client who wrote the first, and whether a lead was refused before. Where something is still to be sent, the times are not known yet.
with spoken as (
    select coalesce(c.linked_contact, p.contact_id) as contact, c.client_id, t.first, t.last,
        c.intent_msgid is not null or exists (select from amoimport.message m where m.conversation = c.id and m.outcome = 'planned') as waits
    from amoimport.conversation c
    join amoimport.client k on k.id = c.client_id
    join amoimport.person p on p.id = k.person_id
    cross join lateral (
        select min(m.sent_msec) as first, max(m.sent_msec + m.parts_sent - 1) as last
        from amoimport.message m
        where m.conversation = c.id and m.sent_msec is not null and m.parts_sent > 0
    ) t
    where coalesce(c.linked_contact, p.contact_id) > 0
)
select s.contact, (array_agg(client_id order by first, client_id))[1], min(first) / 1000, max(last) / 1000,
    exists (select from amoimport.lead l where l.contact_id = s.contact) as refused
from spoken s
where not exists (select from amoimport.lead l where l.contact_id = s.contact and l.state <> 'refused')
group by s.contact
having not bool_or(waits) and min(first) is not null
order by refused, s.contact -- the refused ones last
limit nullif($1::integer, 0)
