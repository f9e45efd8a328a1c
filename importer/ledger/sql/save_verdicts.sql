insert into amoimport.chat_verdict (conversation, verification, read_at, messages, present, missing, doubled, altered, altered_text,
    altered_kind, altered_author, time_off, out_of_order, unchecked, "foreign", shown, short_end, legacy, read_back, as_shown)
select conversation, $1, now(), messages, present, missing, doubled, altered, altered_text,
    altered_kind, altered_author, time_off, out_of_order, unchecked, "foreign", shown, short_end, legacy, read_back, as_shown
from jsonb_to_recordset($2::jsonb) as v (conversation text, messages bigint, present bigint, missing bigint, doubled bigint, altered bigint,
    altered_text bigint, altered_kind bigint, altered_author bigint, time_off bigint, out_of_order bigint, unchecked bigint,
    "foreign" bigint, shown bigint, short_end boolean, legacy text, read_back text, as_shown text)
on conflict (conversation) do update
set verification = excluded.verification, read_at = excluded.read_at, messages = excluded.messages, present = excluded.present,
    missing = excluded.missing, doubled = excluded.doubled, altered = excluded.altered, altered_text = excluded.altered_text,
    altered_kind = excluded.altered_kind, altered_author = excluded.altered_author, time_off = excluded.time_off,
    out_of_order = excluded.out_of_order, unchecked = excluded.unchecked, "foreign" = excluded."foreign", shown = excluded.shown,
    short_end = excluded.short_end, legacy = excluded.legacy, read_back = excluded.read_back, as_shown = excluded.as_shown
