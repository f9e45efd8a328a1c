-- A message is late when one that follows it in the conversation was settled before it.
select conversation, id, msgid, sent_msec, parts_sent, coalesce(parts, 0),
    coalesce(coalesce(settled_at, 'infinity') > min(coalesce(settled_at, 'infinity')) over (
        partition by conversation order by sent_at, seq, length(id), id
        rows between 1 following and unbounded following), false),
    coalesce(kind, ''), coalesce(author, ''), coalesce(author_ref, ''), coalesce(body_hash, ''), amojo_ids, outcome in ('parked', 'skipped')
from amoimport.message
where conversation = any($1::text[]) and sent_msec is not null and parts_sent > 0
order by conversation, sent_at, seq, length(id), id
