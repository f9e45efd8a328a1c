select id, msgid, outcome, attempts, coalesce(parts, 0), parts_sent, part_ends, amojo_ids, coalesce(sent_msec, 0)
from amoimport.message
where conversation = $1 and id = any($2::text[])
