select kind, count(*) from amoimport.event group by 1 order by 1
