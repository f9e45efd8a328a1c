delete from amoimport.client
