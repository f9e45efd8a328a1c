select enrolled_sql from amoimport.setup
