update amoimport.message m
set outcome    = s.outcome,
    reason     = s.reason,
    detail     = s.detail,
    notes      = s.notes,
    attempts   = s.attempts,
    kind       = coalesce(s.kind, m.kind),
    parts      = s.parts,
    parts_sent = s.parts_sent,
    part_ends  = s.part_ends,
    amojo_ids  = s.amojo_ids,
    sent_msec  = s.sent_msec,
    sent_hash  = s.sent_hash,
    body_hash  = s.body_hash,
    settled_at = case when s.outcome = 'planned' then null else now() end
from jsonb_to_recordset($1::jsonb) as s (
    conversation text, id text, outcome text, reason text, detail text, notes text[], attempts integer,
    kind text, parts integer, parts_sent integer, part_ends integer[], amojo_ids text[],
    sent_msec bigint, sent_hash uuid, body_hash text)
where m.conversation = s.conversation and m.id = s.id
