select at from amoimport.learned where name = 'purged'
