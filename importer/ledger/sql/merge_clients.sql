-- A client not seen before belongs to the person of its phone, else of its
-- e-mail, else to one of its own. A phone or e-mail that many share is nobody's.
with fresh as (
    select distinct on (client_id) client_id, phone, email
    from amoimport.enrol_conversation e
    where epoch = $1 and not exists (select from amoimport.client c where c.id = e.client_id)
    order by client_id, phone nulls last, email nulls last
),
own as (
    select f.client_id,
        case when sp.key is null then f.phone end as phone,
        case when se.key is null then f.email end as email
    from fresh f
    left join amoimport.shared_key sp on sp.key = 'phone:' || f.phone
    left join amoimport.shared_key se on se.key = 'email:' || f.email
),
keyed as (
    select *, coalesce('phone:' || phone, 'email:' || email, 'client:' || client_id) as key
    from own
),
new_person as (
    insert into amoimport.person (key)
    select distinct key from keyed order by key
    on conflict (key) do nothing
    returning id, key
)
insert into amoimport.client (id, person_id, phone, email)
select k.client_id, p.id, k.phone, k.email
from keyed k
join (select id, key from new_person union all select id, key from amoimport.person) p on p.key = k.key
on conflict (id) do nothing
