select reason, count(*), coalesce(min(contact_id), 0) from amoimport.lead where state = 'refused' group by reason order by 2 desc, 1
