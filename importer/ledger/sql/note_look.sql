update amoimport.conversation set talks_looked_at = now() where id = any($1::text[])
