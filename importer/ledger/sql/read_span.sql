select min(settled_at), max(settled_at), coalesce(min(sent_msec), 0), coalesce(max(sent_msec), 0),
    count(*) filter (where outcome = 'sent' and last_fault is not null),
    (select count(*) from amoimport.message where outcome = 'skipped' and reason = 'skipped_by_hand')
from amoimport.message
where outcome = 'sent'
