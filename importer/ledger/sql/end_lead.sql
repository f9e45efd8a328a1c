update amoimport.lead set state = $2, lead_id = $3, reason = $4, detail = $5, updated_at = now()
where contact_id = $1
