select reason, count(*), min(talk_id), '' from amoimport.talk where state = 'refused' group by reason order by 2 desc, 1
