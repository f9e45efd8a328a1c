-- Who is to get a contact has none: one that was known before is gone.
update amoimport.person
set batch_id = $2, created_sec = $3, named_by = $4, name_key = $5, contact_id = null, found = null
where id = $1
