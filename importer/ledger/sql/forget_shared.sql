delete from amoimport.shared_key
