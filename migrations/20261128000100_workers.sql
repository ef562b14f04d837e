-- What each worker process serves, as it says itself every few seconds. A request is said to have
-- no worker only by a process that has watched for long enough, and where no other was seen.
CREATE TABLE workers (
    id uuid PRIMARY KEY,
    entity_types text[] NOT NULL,
    providers text[] NOT NULL,
    watching_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
