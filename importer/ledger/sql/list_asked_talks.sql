select talk_id, conversation from amoimport.talk where state = 'asked' and talk_id > $1 order by talk_id limit $2
