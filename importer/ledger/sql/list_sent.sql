-- A message is late when one that follows it in the conversation was settled before it.
select id, msgid, sent_msec, parts_sent,
    coalesce(coalesce(settled_at, 'infinity') > min(coalesce(settled_at, 'infinity')) over (
        order by sent_at, seq, length(id), id
        rows between 1 following and unbounded following), false)
from amoimport.message
where conversation = $1 and sent_msec is not null and parts_sent > 0
order by sent_at, seq, length(id), id
