with last as (
    select id, begun_at from amoimport.verification v
    where v.id = (select max(id) from amoimport.verification where scope = $1) and v.ended_at is null and not $2::boolean
),
made as (
    insert into amoimport.verification (scope, epoch)
    select $1, $3
    where not exists (select from last)
    returning id, begun_at
)
select id, begun_at, true from last
union all
select id, begun_at, false from made
