(select 'conversation ' || id || ' comes ' || count(*) || ' times'
 from amoimport.enrol_conversation
 where epoch = $1
 group by id
 having count(*) > 1
 order by id
 limit 5)
union all
(select 'conversations ' || string_agg(distinct e.id, ' and ') || ' would both be ' || e.conversation_id
 from (
     select id, conversation_id from amoimport.enrol_conversation where epoch = $1
     union
     select id, conversation_id from amoimport.conversation
 ) e
 group by e.conversation_id
 having count(distinct e.id) > 1
 order by e.conversation_id
 limit 5)
