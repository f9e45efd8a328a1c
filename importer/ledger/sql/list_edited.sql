select id, msgid, coalesce(kind, ''), parts, coalesce(sent_msec, 0), coalesce(body_hash, ''),
    coalesce(author, ''), coalesce(author_ref, ''), coalesce(extract(epoch from now() - settled_at), 0)::double precision, sent_hash
from amoimport.message
where conversation = $1 and edited and not vanished and outcome = 'sent' and edit_hash is distinct from row_hash
order by sent_at, seq, length(id), id
