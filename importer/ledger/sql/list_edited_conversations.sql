-- Conversations with sent messages of which the rows changed, and nothing was decided about the change;
-- of a row that is gone there is nothing to be brought over.
select distinct m.conversation
from amoimport.message m
join amoimport.conversation c on c.id = m.conversation
where m.edited and not m.vanished and m.outcome = 'sent' and m.edit_hash is distinct from m.row_hash and c.chat_id is not null and c.client_id is not null
order by m.conversation
