select m.conversation, m.id, m.sent_at, m.reason
from amoimport.message m
where m.outcome = 'parked' and ($1::text is null or m.reason = $1) and ($2::text is null or m.conversation = $2) and ($3::text is null or m.id = $3)
order by m.conversation, m.sent_at, m.seq, length(m.id), m.id
limit nullif($4::integer, 0)
