update amoimport.conversation set chat_id = $2 where id = $1
