insert into amoimport.conversation (id, conversation_id, client_id, source_external_id, closed)
select id, conversation_id, client_id, source_external_id, closed
from amoimport.enrol_conversation
where epoch = $1
on conflict (id) do update
set conversation_id = case when conversation.client_id is null then excluded.conversation_id else conversation.conversation_id end,
    client_id = coalesce(conversation.client_id, excluded.client_id),
    source_external_id = excluded.source_external_id,
    closed = excluded.closed
where (conversation.client_id, conversation.source_external_id, conversation.closed)
    is distinct from (excluded.client_id, excluded.source_external_id, excluded.closed)
