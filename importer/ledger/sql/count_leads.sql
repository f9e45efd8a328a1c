select count(*) filter (where state = 'created'), count(*) filter (where state = 'refused'), count(*) filter (where state = 'creating')
from amoimport.lead
