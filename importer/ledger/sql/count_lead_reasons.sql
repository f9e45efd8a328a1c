select reason, count(*), coalesce(min(contact_id), 0), coalesce((array_agg(detail order by contact_id))[1], '')
from amoimport.lead where state = 'refused' group by reason order by 2 desc, 1
