select a.id, m.conversation
from amoimport.message m
cross join lateral unnest(m.amojo_ids) a (id)
where m.conversation = any($1::text[]) and a.id = any($2::text[])
