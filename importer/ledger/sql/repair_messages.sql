-- What is kept are the parts before the first that is missing. The attempt is remembered, so that
-- a lane looks for each part before it sends it. What is sent anew is marked as read anew, the
-- parts kept among it. What a person has decided stays.
update amoimport.message m
set outcome    = case when m.outcome = 'sent' then 'planned' else m.outcome end,
    reason     = case when m.outcome <> 'sent' then m.reason end,
    detail     = case when m.outcome <> 'sent' then m.detail end,
    settled_at = case when m.outcome <> 'sent' then m.settled_at end,
    last_fault = null,
    attempts   = greatest(m.attempts, 1),
    parts_sent = g.keep,
    part_ends  = m.part_ends[1:g.keep],
    amojo_ids  = m.amojo_ids[1:g.keep],
    marked     = 0,
    unmarkable = 0
from jsonb_to_recordset($1::jsonb) as g (conversation text collate "C", message text collate "C", keep integer)
where m.conversation = g.conversation and m.id = g.message and m.parts_sent > g.keep
