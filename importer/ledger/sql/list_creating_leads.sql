select contact_id, created_sec from amoimport.lead where state = 'creating' and contact_id is not null order by contact_id
