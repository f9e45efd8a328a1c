select m.reason, count(*), min(m.conversation || '/' || m.id)
from amoimport.message m
where m.outcome = 'parked' and ($1::text is null or m.reason = $1) and ($2::text is null or m.conversation = $2) and ($3::text is null or m.id = $3)
group by m.reason
order by count(*) desc, m.reason
