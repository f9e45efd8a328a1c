update amoimport.message m
set marked = b.marked, unmarkable = b.unmarkable
from unnest($1::text[], $2::text[], $3::integer[], $4::integer[]) as b (conversation, id, marked, unmarkable)
where m.conversation = b.conversation and m.id = b.id
