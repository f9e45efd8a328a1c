update amoimport.lease
set epoch = epoch + 1, beat = 0, held = true, command = $3, host = $4, boot_id = $5,
    pid_namespace = $6, pid = $7, started = $8, taken_at = now(), beat_at = now(), figures = '{}'
where epoch = $1 and beat = $2
returning epoch
