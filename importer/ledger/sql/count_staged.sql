select (select count(*) from amoimport.enrol_conversation where epoch = $1),
    (select count(*) from amoimport.enrol_key where epoch = $1)
