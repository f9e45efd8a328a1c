-- $1: a conversation waits at its first parked message, and what comes after that is no work.
-- A message without a time has no place in its conversation; nothing waits at it.
with gate as (
    select distinct on (conversation) conversation, sent_at, seq, id
    from amoimport.message
    where $1::boolean and outcome = 'parked' and sent_at is not null
    order by conversation, sent_at, seq, length(id), id
),
planned as (
    select m.conversation, count(*) as n
    from amoimport.message m
    left join gate g on g.conversation = m.conversation
    where m.outcome = 'planned'
        and (g.conversation is null or (m.sent_at, m.seq, length(m.id), m.id) < (g.sent_at, g.seq, length(g.id), g.id))
    group by m.conversation
)
select c.id, coalesce(p.n, 0), c.chat_id is not null and c.link_id is not null, c.intent_msgid is not null
from amoimport.conversation c
left join planned p on p.conversation = c.id
where c.client_id is not null and (p.n > 0 or c.intent_msgid is not null)
order by 2 desc, c.id
