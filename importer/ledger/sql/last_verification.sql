select id, scope, begun_at, ended_at from amoimport.verification order by id desc limit 1
