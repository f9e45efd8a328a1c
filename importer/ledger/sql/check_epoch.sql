-- A key share lock lets the holder beat while a long statement runs, and keeps
-- out a newcomer, who locks for update.
select 1
from amoimport.lease
where epoch = $1 and held
for key share
