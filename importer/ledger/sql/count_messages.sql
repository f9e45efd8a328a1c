select outcome, coalesce(reason, ''), count(*), min(conversation || '/' || id),
    coalesce(sum(parts_sent), 0)::bigint, count(*) filter (where edited), count(*) filter (where vanished)
from amoimport.message
group by outcome, reason
order by outcome, reason
