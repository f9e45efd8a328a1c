update amoimport.conversation
set client_id        = null,
    linked_contact   = null,
    intent_author    = null,
    intent_author_ref = null,
    intent_row_hash  = case when intent_row_hash is not null then '00000000-0000-0000-0000-000000000000'::uuid end,
    intent_body_hash = case when intent_body_hash is not null then '' end
