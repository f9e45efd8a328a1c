insert into amoimport.event (epoch, kind, detail) values ($1, $2, $3::jsonb)
