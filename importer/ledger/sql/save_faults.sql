insert into amoimport.message_fault (conversation, message, part, fault)
select conversation, message, part, fault
from jsonb_to_recordset($1::jsonb) as f (conversation text, message text, part integer, fault text)
