-- Rows that a complete pass did not return: what is planned is not sent any more,
-- what was sent, or half of it, is told. What was tried may be there: its lane looks.
update amoimport.message m
set outcome    = case when m.parts_sent > 0 then m.outcome else 'skipped' end,
    reason     = case when m.parts_sent > 0 then m.reason else 'deleted_in_legacy' end,
    settled_at = case when m.parts_sent > 0 then m.settled_at else now() end,
    vanished   = m.parts_sent > 0
where (m.outcome = 'planned' and m.parts_sent = 0 and m.attempts = 0 or m.parts_sent > 0 and not m.vanished)
    and not exists (select from amoimport.enrol_key k where k.epoch = $1 and k.conversation = m.conversation and k.id = m.id)
