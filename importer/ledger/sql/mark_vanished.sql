-- Rows that a complete pass did not return: what is planned is not sent any more,
-- what was sent is told.
update amoimport.message m
set outcome = case when m.outcome = 'planned' and m.parts_sent = 0 then 'skipped' else m.outcome end,
    reason  = case when m.outcome = 'planned' and m.parts_sent = 0 then 'deleted_in_legacy' else m.reason end,
    vanished = m.outcome = 'sent' or m.parts_sent > 0,
    settled_at = now()
where (m.outcome = 'planned' or m.outcome = 'sent' and not m.vanished)
    and not exists (select from amoimport.enrol_key k where k.epoch = $1 and k.conversation = m.conversation and k.id = m.id)
