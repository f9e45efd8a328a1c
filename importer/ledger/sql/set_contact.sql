update amoimport.person set contact_id = $2, found = $3 where id = $1
