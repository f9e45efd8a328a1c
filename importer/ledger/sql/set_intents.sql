update amoimport.conversation c
set intent_message   = i.message,
    intent_msgid     = i.msgid,
    intent_part      = i.part,
    intent_parts     = i.parts,
    intent_end       = i."end",
    intent_sent_msec = i.sent_msec,
    intent_row_hash  = i.row_hash,
    intent_body_hash = i.body_hash,
    intent_notes     = i.notes,
    intent_at        = case when i.msgid is not null then now() end,
    last_msgid       = coalesce(i.last_msgid, c.last_msgid),
    announced_msgid  = coalesce(i.announced, c.announced_msgid)
from jsonb_to_recordset($1::jsonb) as i (
    conversation text, last_msgid text, announced text, message text, msgid text, part integer, parts integer,
    "end" integer, sent_msec bigint, row_hash uuid, body_hash text, notes text[])
where c.id = i.conversation
