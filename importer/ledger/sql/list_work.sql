with planned as (
    select conversation, count(*) as n from amoimport.message where outcome = 'planned' group by conversation
)
select c.id, coalesce(p.n, 0), c.chat_id is not null and c.link_id is not null, c.intent_msgid is not null
from amoimport.conversation c
left join planned p on p.conversation = c.id
where c.client_id is not null and (p.n > 0 or c.intent_msgid is not null)
order by 2 desc, c.id
