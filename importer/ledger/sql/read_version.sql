select max(version_id) from amoimport.migration where is_applied
