update amoimport.message m
set amojo_ids = array(select jsonb_array_elements_text(g.ids))
from jsonb_to_recordset($1::jsonb) as g (conversation text collate "C", message text collate "C", ids jsonb)
where m.conversation = g.conversation and m.id = g.message and m.parts_sent = jsonb_array_length(g.ids)
