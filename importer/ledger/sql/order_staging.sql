create index enrol_key_order on amoimport.enrol_key (conversation, id)
