select coalesce(sum(parts_sent - marked), 0)
from amoimport.message
where author_ref is not null and marked < parts_sent
