-- What is planned and comes after a parked message of its conversation.
with gate as (
    select distinct on (conversation) conversation, sent_at, seq, id
    from amoimport.message
    where outcome = 'parked' and sent_at is not null
    order by conversation, sent_at, seq, length(id), id
)
select count(distinct m.conversation), count(*)
from amoimport.message m
join gate g on g.conversation = m.conversation
where m.outcome = 'planned' and (m.sent_at, m.seq, length(m.id), m.id) > (g.sent_at, g.seq, length(g.id), g.id)
