-- A client not seen before belongs to the person of its phone, else of its
-- e-mail, else to one of its own. A phone that many share is nobody's.
with fresh as (
    select distinct on (client_id) client_id, phone, email
    from amoimport.enrol_conversation e
    where epoch = $1 and not exists (select from amoimport.client c where c.id = e.client_id)
    order by client_id, phone nulls last, email nulls last
),
shared_phone as (
    select phone from amoimport.enrol_conversation
    where epoch = $1 and phone is not null
    group by phone having count(distinct client_id) > $2
),
shared_email as (
    select email from amoimport.enrol_conversation
    where epoch = $1 and email is not null
    group by email having count(distinct client_id) > $2
)
insert into amoimport.person (key)
select distinct case
    when f.phone is not null and sp.phone is null then 'phone:' || f.phone
    when f.email is not null and se.email is null then 'email:' || f.email
    else 'client:' || f.client_id
end
from fresh f
left join shared_phone sp on sp.phone = f.phone
left join shared_email se on se.email = f.email
order by 1
on conflict (key) do nothing
