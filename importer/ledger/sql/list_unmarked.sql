select conversation, id, msgid, marked, unmarkable, parts_sent, coalesce(amojo_ids, '{}'),
    coalesce(extract(epoch from now() - settled_at), 0)::double precision
from amoimport.message
where author_ref is not null and marked < parts_sent and (conversation, id) > ($1, $2)
order by conversation, id
limit $3
