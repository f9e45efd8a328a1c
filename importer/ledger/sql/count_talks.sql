select count(*), count(distinct conversation), count(*) filter (where state = 'found'), count(*) filter (where state = 'asked'),
    count(*) filter (where state = 'closed'), count(*) filter (where state = 'refused'),
    (select count(*) from amoimport.conversation c
        where c.talks_looked_at is not null and not exists (select from amoimport.talk t where t.conversation = c.id))
from amoimport.talk
