-- Phones and e-mails of more clients than $2. In a partial pass ($3) the clients that the
-- ledger knows count too.
with told as (
    select client_id, 'phone:' || phone as key from amoimport.enrol_conversation where epoch = $1 and phone is not null
    union
    select client_id, 'email:' || email from amoimport.enrol_conversation where epoch = $1 and email is not null
),
known as (
    select id, 'phone:' || phone as key from amoimport.client where $3::boolean and phone is not null
    union all
    select id, 'email:' || email from amoimport.client where $3::boolean and email is not null
)
insert into amoimport.shared_key (key)
select key
from (
    select client_id, key from told
    union
    select id, key from known where key in (select key from told)
) one
group by key
having count(distinct client_id) > $2
on conflict (key) do nothing
