drop index if exists amoimport.enrol_key_order
