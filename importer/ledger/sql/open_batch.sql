insert into amoimport.contact_batch (highest_contact) values ($1) returning id
