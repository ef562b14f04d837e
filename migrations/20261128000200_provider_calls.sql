-- Every call to a provider, written when it ends, whatever becomes of its attempt. The id is made
-- before the call: after a crash two workers could give the same number to two calls. No foreign
-- key: a call stays recorded that ends after its request is gone.
CREATE TABLE provider_calls (
    generation_request_id uuid NOT NULL,
    call_id               uuid NOT NULL,
    ordinal               int NOT NULL CHECK (ordinal >= 0),
    round                 int NOT NULL,
    epoch                 bigint NOT NULL,
    provider              text NOT NULL,
    model                 text,
    outcome               text NOT NULL,  -- ok, cancelled, or an error code
    error_message         text,
    input_tokens          int CHECK (input_tokens >= 0),  -- NULL: the provider gave no usable count
    output_tokens         int CHECK (output_tokens >= 0),
    reasoning_tokens      int CHECK (reasoning_tokens >= 0),
    seconds               double precision NOT NULL,
    first_token_seconds   double precision,
    finish_reason         text,
    provider_request_id   text,
    received_bytes        bigint NOT NULL,
    reasoning             text,
    ended_at              timestamptz NOT NULL DEFAULT clock_timestamp(),

    PRIMARY KEY (generation_request_id, call_id),
    CONSTRAINT failed_call_has_a_message CHECK (
        (outcome IN ('ok', 'cancelled')) = (error_message IS NULL))
);

-- The calls that were kept as JSON with their items. Their ids are in their order, as new ones are.
INSERT INTO provider_calls
    (generation_request_id, call_id, ordinal, round, epoch, provider, model, outcome,
     error_message, input_tokens, output_tokens, reasoning_tokens, seconds, first_token_seconds, finish_reason,
     provider_request_id, received_bytes, reasoning, ended_at)
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
  FROM generation_items AS item
  JOIN generation_requests AS request ON request.id = item.generation_request_id
  CROSS JOIN LATERAL jsonb_array_elements(item.usage -> 'provider_calls')
       WITH ORDINALITY AS made (call, number);

-- The column stays for the workers of the version before, which write it until they are replaced.
ALTER TABLE generation_items
    ALTER COLUMN usage DROP NOT NULL,
    ALTER COLUMN usage DROP DEFAULT;
