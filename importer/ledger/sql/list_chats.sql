select id, coalesce(chat_id, '')
from amoimport.conversation
where (chat_id is not null or last_msgid is not null) and id > $1
order by id
limit $2
