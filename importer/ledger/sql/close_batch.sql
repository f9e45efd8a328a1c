update amoimport.contact_batch set settled = true where id = $1
