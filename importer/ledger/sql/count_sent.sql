select count(*) from amoimport.message where outcome = 'sent'
