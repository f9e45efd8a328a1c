select found, count(*) from amoimport.person where contact_id is not null group by found order by found
