select id,
       name,
       email
from managers
