-- One row at least: the counts, and with them each message of which a part is in its chat.
with chosen as materialized (
    select m.conversation, m.id
    from amoimport.message m
    where m.outcome = 'parked' and ($1::text is null or m.reason = $1) and ($2::text is null or m.conversation = $2) and ($3::text is null or m.id = $3)
    order by m.conversation, m.id
    for update of m
),
skipped as (
    update amoimport.message m
    set outcome = 'skipped', last_fault = m.reason, reason = 'skipped_by_hand', settled_at = now()
    from chosen k
    where m.conversation = k.conversation and m.id = k.id
    returning m.conversation, m.id, m.last_fault, m.parts, m.parts_sent
)
select n.total, n.unsure, half.conversation, half.id, half.parts_sent, half.parts
from (select count(*) as total, count(*) filter (where last_fault = 'in_doubt') as unsure from skipped) n
left join skipped half on half.parts_sent > 0
order by half.conversation, half.id
