insert into amoimport.lead (contact_id, state, created_sec) values ($1, 'creating', $2)
on conflict (contact_id) do update
set state = 'creating', created_sec = excluded.created_sec, reason = null, detail = null, lead_id = null, updated_at = now()
