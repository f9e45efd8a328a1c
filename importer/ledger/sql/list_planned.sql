-- The floor is the last millisecond taken by the nearest message before this one that
-- was ever tried: it may be in its chat, or be tried again. $6: nothing after the first parked message. Its place is
-- read before the rest, so that the index is read no further than to it.
with gate as materialized (
    select sent_at, seq, id
    from amoimport.message
    where $6::boolean and conversation = $1 and outcome = 'parked' and sent_at is not null
    order by sent_at, seq, length(id), id
    limit 1
)
select m.id, m.msgid, m.sent_at, m.seq, m.attempts, coalesce(m.last_fault, ''), coalesce(m.parts, 0), m.parts_sent, m.part_ends,
    m.amojo_ids, coalesce(m.sent_msec, 0), m.sent_hash, coalesce(m.body_hash, ''), coalesce(before.last_msec, 0)
from amoimport.message m
left join lateral (
    select s.sent_msec + s.parts - 1 as last_msec
    from amoimport.message s
    where s.conversation = m.conversation and s.sent_msec is not null
        and (s.sent_at, s.seq, length(s.id), s.id) < (m.sent_at, m.seq, length(m.id), m.id)
    order by s.sent_at desc, s.seq desc, length(s.id) desc, s.id desc
    limit 1
) before on true
where m.conversation = $1 and m.outcome = 'planned'
    and (m.sent_at, m.seq, length(m.id), m.id) < (
        coalesce((select sent_at from gate), 'infinity'), coalesce((select seq from gate), 0),
        coalesce((select length(id) from gate), 0), coalesce((select id from gate), ''))
    and ($2::timestamptz is null or (m.sent_at, m.seq, length(m.id), m.id) > ($2::timestamptz, $3::bigint, length($4::text), $4::text))
order by m.sent_at, m.seq, length(m.id), m.id
limit $5
