delete from amoimport.message_fault where conversation = any($1::text[])
