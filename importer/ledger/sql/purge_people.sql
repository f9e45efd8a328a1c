-- The rows stay, empty: how many contacts were found and created is no secret.
update amoimport.person
set key = 'purged ' || id, contact_id = case when contact_id is not null then 0 end, batch_id = null,
    named_by = null, name_key = null, created_sec = null
