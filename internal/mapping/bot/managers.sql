select id,
       full_name as name,
       email
from operators
