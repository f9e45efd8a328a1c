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
),
keyed as (
    select f.client_id,
        case when sp.phone is null then f.phone end as phone,
        case when se.email is null then f.email end as email
    from fresh f
    left join shared_phone sp on sp.phone = f.phone
    left join shared_email se on se.email = f.email
)
insert into amoimport.client (id, person_id, phone, email)
select k.client_id, p.id, k.phone, k.email
from keyed k
join amoimport.person p on p.key = case
    when k.phone is not null then 'phone:' || k.phone
    when k.email is not null then 'email:' || k.email
    else 'client:' || k.client_id
end
on conflict (id) do nothing
