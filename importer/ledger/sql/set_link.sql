update amoimport.conversation set link_id = $2, linked_contact = $3 where id = $1
