select epoch, beat, held, command, host, boot_id, pid_namespace, pid, started, taken_at
from amoimport.lease
