update amoimport.lease
set held = false, beat_at = now(), figures = $2::jsonb
where epoch = $1
