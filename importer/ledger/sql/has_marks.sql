-- A ledger of an older version can be looked at before a run brings it up to date.
select exists (select from pg_attribute where attrelid = 'amoimport.message'::regclass and attname = 'marked')
