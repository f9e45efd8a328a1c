with held as (
    select conversation, count(*) filter (where outcome = 'planned') as planned
    from amoimport.message
    group by conversation
)
select count(*),
    count(*) filter (where h.conversation is null),
    count(*) filter (where h.planned > 0 and (c.chat_id is null or c.link_id is null)),
    count(*) filter (where h.planned > 0 and c.chat_id is not null and c.link_id is not null),
    count(*) filter (where h.planned = 0),
    count(c.chat_id),
    count(c.link_id),
    count(c.intent_msgid)
from amoimport.conversation c
left join held h on h.conversation = c.id
