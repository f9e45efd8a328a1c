update amoimport.person set batch_id = $2, created_sec = $3, named_by = $4, name_key = $5 where id = $1
