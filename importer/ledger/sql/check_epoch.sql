select 1
from amoimport.lease
where epoch = $1 and held
for share
