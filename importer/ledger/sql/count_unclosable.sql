-- Conversations to be closed in which something is still to be sent: a later message would open a talk anew.
select count(*)
from amoimport.conversation c
where (c.closed or $1::boolean) and c.client_id is not null
    and (c.intent_msgid is not null or exists (select from amoimport.message m where m.conversation = c.id and m.outcome = 'planned'))
