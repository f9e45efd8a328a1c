select author_ref, count(*) from amoimport.message where outcome = 'sent' and author_ref is not null group by 1 order by 2 desc, 1
