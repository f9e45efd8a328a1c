update amoimport.message
set outcome    = $3,
    reason     = $4,
    detail     = $5,
    notes      = $6::text[],
    attempts   = $7,
    kind       = coalesce($8, kind),
    parts      = nullif($9::integer, 0),
    parts_sent = $10,
    part_ends  = $11::integer[],
    amojo_ids  = $12::text[],
    sent_msec  = nullif($13::bigint, 0),
    sent_hash  = $14::uuid,
    body_hash  = $15,
    settled_at = case when $3 = 'planned' then null else now() end
where conversation = $1 and id = $2
