select b.id, b.highest_contact, p.id, p.created_sec, p.named_by, p.name_key
from amoimport.contact_batch b
left join amoimport.person p on p.batch_id = b.id and p.contact_id is null
where not b.settled
order by b.id, p.id
