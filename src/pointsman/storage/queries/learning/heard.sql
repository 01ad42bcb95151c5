-- The candidates of the choice that a call was begun with: beside the one whose answer was checked stands what was heard of it.
SELECT weighed FROM decision WHERE call_id = :call_id AND seq = 0
