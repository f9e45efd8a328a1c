select coalesce(kind, ''), count(*) from amoimport.message where outcome = 'sent' group by 1 order by 2 desc, 1
