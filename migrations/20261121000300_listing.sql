-- Requests are listed newest first. Neither index holds a column that a heartbeat or a count changes.
CREATE INDEX generation_requests_newest
    ON generation_requests (requested_at DESC, id DESC);

-- Those that did not become all that was asked for are few among all: found without reading the rest.
CREATE INDEX generation_requests_unfulfilled
    ON generation_requests (requested_at DESC, id DESC)
    WHERE status IN ('partial', 'failed', 'cancelled');
