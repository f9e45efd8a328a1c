update amoimport.conversation
set last_msgid       = coalesce($2, last_msgid),
    announced_msgid  = $3,
    intent_message   = $4,
    intent_msgid     = $5,
    intent_part      = $6,
    intent_parts     = $7,
    intent_end       = $8,
    intent_sent_msec = $9,
    intent_row_hash  = $10::uuid,
    intent_body_hash = $11,
    intent_notes     = $12::text[],
    intent_kind      = $13,
    intent_author    = $14,
    intent_author_ref = $15,
    intent_edit      = $16,
    intent_at        = now()
where id = $1
