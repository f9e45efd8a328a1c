select count(*)
from amoimport.conversation
where chat_id is not null or last_msgid is not null
