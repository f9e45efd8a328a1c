select id,
       client_id,
       client_name,
       client_phone,
       client_email,
       client_avatar_url,
       client_profile_url,
       closed,
       source_external_id
from conversations
