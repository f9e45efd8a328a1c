-- As of contacts, only how many there were stays.
update amoimport.lead
set contact_id = null, lead_id = case when lead_id is not null then 0 end, created_sec = null, detail = null
