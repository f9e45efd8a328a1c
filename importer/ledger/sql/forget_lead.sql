delete from amoimport.lead where contact_id = $1 and state = 'creating'
