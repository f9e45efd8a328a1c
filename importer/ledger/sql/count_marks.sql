select coalesce(sum(marked - unmarkable), 0), coalesce(sum(unmarkable), 0)
from amoimport.message
where marked > 0
