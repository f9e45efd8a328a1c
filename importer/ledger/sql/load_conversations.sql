select c.id, c.conversation_id, coalesce(c.client_id, ''), coalesce(p.id, 0), coalesce(p.contact_id, 0), coalesce(k.phone, ''), coalesce(k.email, ''),
    coalesce(c.chat_id, ''), coalesce(c.link_id, 0),
    (select min(m.sent_at) from amoimport.message m where m.conversation = c.id),
    (select count(*) from amoimport.message m where m.conversation = c.id and m.outcome = 'planned'),
    coalesce((select max(m.sent_msec + m.parts - 1) from amoimport.message m where m.conversation = c.id and m.parts_sent > 0), 0),
    coalesce(c.last_msgid, ''), coalesce(c.announced_msgid, ''),
    c.intent_message, c.intent_msgid, c.intent_part, c.intent_parts, c.intent_end, c.intent_sent_msec,
    c.intent_row_hash, c.intent_body_hash, c.intent_notes,
    c.intent_kind, c.intent_author, c.intent_author_ref, c.intent_edit
from amoimport.conversation c
left join amoimport.client k on k.id = c.client_id
left join amoimport.person p on p.id = k.person_id
where c.id = any($1::text[])
