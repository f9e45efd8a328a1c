select 'message ' || id || ' of conversation ' || conversation || ' comes ' || count(*) || ' times'
from amoimport.enrol_key
where epoch = $1
group by conversation, id
having count(*) > 1
order by conversation, id
limit 5
