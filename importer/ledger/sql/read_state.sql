select l.held, l.command, l.host, l.boot_id, l.pid_namespace, l.pid, l.started, l.beat_at, l.figures::text, s.enrolled_at
from amoimport.lease l
left join amoimport.setup s on true
