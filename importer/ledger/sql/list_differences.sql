select conversation, id, case when vanished then 'deleted' else 'edited' end
from amoimport.message
where edited or vanished
order by conversation, sent_at, seq, length(id), id
