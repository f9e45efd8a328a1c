select id, planned, chat_id is not null and link_id is not null
from amoimport.conversation
where client_id is not null and (planned > 0 or intent_msgid is not null)
order by planned desc, id
