delete from amoimport.contact_batch
