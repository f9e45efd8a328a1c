update amoimport.conversation c
set planned = coalesce(p.n, 0)
from amoimport.conversation all_of
left join (
    select conversation, count(*) as n from amoimport.message where outcome = 'planned' group by conversation
) p on p.conversation = all_of.id
where c.id = all_of.id and c.planned <> coalesce(p.n, 0)
