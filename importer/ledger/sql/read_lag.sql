select count(*), min(sent_at) from amoimport.message where outcome = 'planned'
