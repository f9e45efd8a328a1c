-- What a person has decided about a parked message stays: that it is left out, or that
-- it is planned again, where this may be recorded already ($16) and the row looks so.
update amoimport.message m
set (outcome, reason, detail, settled_at) = (
        select case when theirs then m.outcome else $3 end,
            case when theirs then m.reason else $4 end,
            case when theirs then m.detail else $5 end,
            case when theirs then m.settled_at when $3 <> 'planned' then now() end
        from (
            select $3 = 'parked' and (m.reason = 'skipped_by_hand'
                or $16::boolean and m.outcome = 'planned' and m.last_fault = $4 and m.attempts = $7) as theirs
        ) decision),
    last_fault = case when $3 = 'parked' and m.reason = 'skipped_by_hand' then $4 else m.last_fault end,
    notes      = $6::text[],
    attempts   = $7,
    kind       = coalesce($8, kind),
    parts      = nullif($9::integer, 0),
    parts_sent = $10,
    part_ends  = $11::integer[],
    amojo_ids  = $12::text[],
    sent_msec  = nullif($13::bigint, 0),
    sent_hash  = $14::uuid,
    edited     = m.edited and m.row_hash is distinct from $14::uuid,
    body_hash  = $15,
    author     = coalesce($17, author),
    author_ref = case when $17 is null then author_ref else $18 end
where conversation = $1 and id = $2
