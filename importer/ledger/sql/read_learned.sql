select value from amoimport.learned where name = $1
