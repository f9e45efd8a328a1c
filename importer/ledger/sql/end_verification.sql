update amoimport.verification set ended_at = coalesce(ended_at, now()) where id = $1 returning ended_at
