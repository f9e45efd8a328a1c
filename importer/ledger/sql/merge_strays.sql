-- Messages of a conversation that the conversations query does not return still
-- have to be accounted for.
insert into amoimport.conversation (id, conversation_id)
select distinct k.conversation, 'stray ' || k.conversation
from amoimport.enrol_key k
where k.epoch = $1 and not exists (select from amoimport.conversation c where c.id = k.conversation)
