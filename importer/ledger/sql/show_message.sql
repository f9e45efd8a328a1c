select m.msgid, c.conversation_id, coalesce(c.chat_id, ''), m.sent_at, m.outcome, coalesce(m.reason, ''), coalesce(m.detail, ''),
    coalesce(m.notes, '{}'), coalesce(m.last_fault, ''), coalesce(m.kind, ''), m.attempts, coalesce(m.parts, 0), m.parts_sent,
    coalesce(m.sent_msec, 0), m.settled_at, m.edited, m.vanished
from amoimport.message m
join amoimport.conversation c on c.id = m.conversation
where m.conversation = $1 and m.id = $2
