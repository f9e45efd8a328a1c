-- Conversations with sent messages of which the rows changed, and nothing was decided about the change.
select distinct m.conversation
from amoimport.message m
join amoimport.conversation c on c.id = m.conversation
where m.edited and m.outcome = 'sent' and m.edit_hash is distinct from m.row_hash and c.chat_id is not null and c.client_id is not null
order by m.conversation
