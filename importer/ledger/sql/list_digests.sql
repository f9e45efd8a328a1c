select conversation, legacy, read_back, as_shown
from amoimport.chat_verdict
where verification = $1 and conversation > $2
order by conversation
limit $3
