update amoimport.conversation
set last_msgid = coalesce($2, last_msgid), announced_msgid = $3, intent_message = null, intent_msgid = null, intent_part = null, intent_parts = null,
    intent_end = null, intent_sent_msec = null, intent_row_hash = null, intent_body_hash = null, intent_notes = null, intent_at = null,
    intent_kind = null, intent_author = null, intent_author_ref = null, intent_edit = false
where id = $1
