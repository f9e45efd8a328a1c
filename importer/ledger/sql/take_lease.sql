update amoimport.lease l
set epoch = l.epoch + 1, beat = 0, held = true, command = $3, host = $4, boot_id = $5,
    pid_namespace = $6, pid = $7, started = $8, taken_at = now(), beat_at = now(), figures = '{}'
from (select only_row from amoimport.lease where epoch = $1 and beat = $2 for update) seen
where l.only_row = seen.only_row
returning l.epoch
