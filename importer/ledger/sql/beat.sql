update amoimport.lease
set beat = beat + 1, beat_at = now(), figures = $2::jsonb
where epoch = $1 and held
