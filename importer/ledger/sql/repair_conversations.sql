-- What was sent last must be something that is there: a lane waits until it sees it.
update amoimport.conversation c
set last_msgid = nullif(g.last_msgid, '')
from jsonb_to_recordset($1::jsonb) as g (conversation text collate "C", last_msgid text)
where c.id = g.conversation
