-- Workers of the version before write their calls as JSON with their items until they are replaced.
-- A trigger moves these calls into provider_calls, in the transaction that records the item, so that
-- the schema can be migrated while such workers run. It is AFTER, because an insert that meets an
-- item fires BEFORE triggers twice; and new workers, who leave the column alone, never fire it.
CREATE FUNCTION move_calls(item generation_items) RETURNS void LANGUAGE sql AS $$
INSERT INTO provider_calls
    (generation_request_id, call_id, ordinal, round, epoch, provider, model, outcome,
     error_message, input_tokens, output_tokens, reasoning_tokens, seconds, first_token_seconds,
     finish_reason, provider_request_id, received_bytes, reasoning, ended_at)
SELECT request.id,
       (lpad(to_hex((extract(epoch FROM item.recorded_at) * 1000)::bigint), 12, '0')
        || '7' || lpad(to_hex(number), 3, '0')
        || '8' || right(replace(gen_random_uuid()::text, '-', ''), 15))::uuid,
       item.ordinal, request.round, request.epoch, coalesce(request.provider, 'unknown'),
       call ->> 'model', call ->> 'outcome', nullif(call ->> 'outcome', 'ok'),
       least((call ->> 'input_tokens')::numeric, 2147483647)::int,
       least((call ->> 'output_tokens')::numeric, 2147483647)::int,
       least((call ->> 'reasoning_tokens')::numeric, 2147483647)::int,
       (call ->> 'seconds')::float8, (call ->> 'first_token_seconds')::float8,
       call ->> 'finish_reason', call ->> 'provider_request_id', 0, call ->> 'reasoning',
       item.recorded_at
  FROM generation_requests AS request
  CROSS JOIN LATERAL jsonb_array_elements(item.usage -> 'provider_calls')
       WITH ORDINALITY AS made (call, number)
 WHERE request.id = item.generation_request_id
$$;

CREATE FUNCTION move_calls_of_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM move_calls(NEW);
    RETURN NULL;
END
$$;

CREATE TRIGGER calls_of_old_workers_are_moved
    AFTER INSERT OR UPDATE OF usage ON generation_items
    FOR EACH ROW WHEN (NEW.usage IS NOT NULL) EXECUTE FUNCTION move_calls_of_item();
