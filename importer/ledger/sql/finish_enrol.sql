update amoimport.setup set enrolled_sql = $1, enrolled_at = now()
