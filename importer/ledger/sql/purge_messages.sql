-- A hash of a short text can be guessed, and a detail may hold a server's or a query's words.
update amoimport.message
set detail = null, row_hash = '00000000-0000-0000-0000-000000000000', sent_hash = null, edit_hash = null, body_hash = null, part_ends = null,
    author = null, author_ref = null
