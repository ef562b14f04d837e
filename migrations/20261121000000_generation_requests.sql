-- The tracking record: one caller's ask for requested_count entities of one type.
CREATE TABLE generation_requests (
    id              uuid PRIMARY KEY,
    entity_type     text NOT NULL,
    status          text NOT NULL DEFAULT 'pending',
    priority        text NOT NULL DEFAULT 'normal',
    requested_count int NOT NULL,
    generated_count int NOT NULL DEFAULT 0,
    failed_count    int NOT NULL DEFAULT 0,
    requested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at      timestamptz,
    completed_at    timestamptz,
    deadline_at     timestamptz NOT NULL,
    not_before      timestamptz NOT NULL DEFAULT clock_timestamp(),
    constraints     jsonb NOT NULL DEFAULT '{}',
    metadata        jsonb,
    error_code      text,
    error_message   text,
    provider        text,
    model           text,
    epoch           bigint NOT NULL DEFAULT 0,  -- fencing token: rises with every claim
    round           int NOT NULL DEFAULT 1,     -- rises when a final request is re-opened
    crashes         int NOT NULL DEFAULT 0,     -- leases taken over since an item was recorded
    releases        int NOT NULL DEFAULT 0,     -- counted releases since an item was recorded
    lease_owner     uuid,
    lease_until     timestamptz,
    version         bigint NOT NULL DEFAULT 1,  -- rises with every visible change
    traceparent     text NOT NULL,

    CONSTRAINT valid_status CHECK (
        status IN ('pending', 'processing', 'completed', 'partial', 'failed', 'cancelled')),
    CONSTRAINT valid_priority CHECK (priority IN ('high', 'normal', 'low')),
    CONSTRAINT valid_counts CHECK (
        requested_count >= 1 AND generated_count >= 0 AND failed_count >= 0
        AND generated_count + failed_count <= requested_count),
    CONSTRAINT status_agrees_with_counts CHECK (
        CASE status
            WHEN 'completed' THEN generated_count = requested_count
            WHEN 'partial' THEN generated_count > 0 AND failed_count > 0
                                AND generated_count + failed_count = requested_count
            WHEN 'failed' THEN failed_count = requested_count
            WHEN 'cancelled' THEN true
            ELSE generated_count + failed_count < requested_count
        END),
    CONSTRAINT processing_holds_a_lease CHECK (
        (status = 'processing') = (lease_owner IS NOT NULL)
        AND (lease_owner IS NULL) = (lease_until IS NULL)),
    CONSTRAINT final_has_an_end CHECK (
        (status IN ('completed', 'partial', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
    CONSTRAINT failure_has_a_code CHECK (
        (status IN ('partial', 'failed')) = (error_code IS NOT NULL))
) WITH (fillfactor = 80);

-- Partial indexes on the open rows alone: heartbeats and counts change none of their columns.
CREATE INDEX generation_requests_waiting
    ON generation_requests (priority, not_before) WHERE status = 'pending';
CREATE INDEX generation_requests_released
    ON generation_requests (not_before) WHERE status = 'pending' AND started_at IS NOT NULL;
CREATE INDEX generation_requests_leased
    ON generation_requests (id) WHERE status = 'processing';
CREATE INDEX generation_requests_due
    ON generation_requests (deadline_at) WHERE completed_at IS NULL;

-- A recorded item; a missing ordinal is a pending item.
CREATE TABLE generation_items (
    generation_request_id uuid NOT NULL REFERENCES generation_requests (id) ON DELETE CASCADE,
    ordinal       int NOT NULL CHECK (ordinal >= 0),
    status        text NOT NULL CHECK (status IN ('succeeded', 'failed')),
    entity        jsonb,
    error_code    text,
    error_message text,
    attempts      int NOT NULL CHECK (attempts >= 0),
    usage         jsonb NOT NULL DEFAULT '{}',
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),

    PRIMARY KEY (generation_request_id, ordinal),
    CONSTRAINT success_has_an_entity CHECK ((status = 'succeeded') = (entity IS NOT NULL)),
    CONSTRAINT failure_has_a_code CHECK ((status = 'failed') = (error_code IS NOT NULL))
);

-- What is to be published. A row is deleted once the broker has acknowledged it.
CREATE TABLE outbox (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic               text NOT NULL,
    record_key          bytea,
    record_value        bytea,
    header_names        text[] NOT NULL DEFAULT '{}',
    header_values       bytea[] NOT NULL DEFAULT '{}',
    dispatch_request_id uuid,  -- the request that a dispatch message is for; else NULL
    created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_until       timestamptz NOT NULL DEFAULT clock_timestamp() + interval '2 seconds',
    refusals            int NOT NULL DEFAULT 0,
    parked_at           timestamptz
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);

-- Records that can never be handled, set aside with their bytes.
CREATE TABLE dead_letters (
    id               uuid PRIMARY KEY,
    reason           text NOT NULL,
    error_message    text NOT NULL,
    topic            text NOT NULL,
    kafka_partition  int NOT NULL,
    kafka_offset     bigint NOT NULL,
    content_digest   bytea NOT NULL,  -- SHA-256 of key and value, NULL and empty kept apart
    record_key       bytea,
    record_value     bytea,
    header_names     text[] NOT NULL DEFAULT '{}',
    header_values    bytea[] NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT one_letter_for_each_record
        UNIQUE (topic, kafka_partition, kafka_offset, content_digest)
);
