select m.outcome, n.code, count(*), min(m.conversation || '/' || m.id)
from amoimport.message m, unnest(m.notes) as n (code)
where m.outcome = 'sent'
group by m.outcome, n.code
order by n.code
