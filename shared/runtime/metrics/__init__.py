"""The metrics of both services: each once, with its meaning, its unit and its labels.

Each service has a registry with the metrics that it knows something of: a gauge of the other one
would be 0 and mean nothing. `docs/metrics.md` is made from here, by
`python -m shared.runtime.metrics`.
"""

from prometheus_client.exposition import CONTENT_TYPE_LATEST as MEDIA_TYPE

from shared.runtime.metrics.declare import API, DECLARED, WORKER, exposition
from shared.runtime.metrics.of_api import (
    DEAD_LETTERS,
    HTTP_REQUEST_SECONDS,
    HTTP_REQUESTS,
    OLDEST_UNCLAIMED,
    OUTBOX_ROWS,
    REQUESTS_ACCEPTED,
    REQUESTS_PROCESSING,
    REQUESTS_UNCLAIMED,
)
from shared.runtime.metrics.of_both import (
    BUILD_INFO,
    DATABASE_CONNECTIONS,
    DATABASE_CONNECTIONS_LIMIT,
    DATABASE_WAITING,
    DEPENDENCY_UP,
    EVENT_LOOP_LAG_SECONDS,
)
from shared.runtime.metrics.of_worker import (
    ATTEMPT_SECONDS,
    ITEMS_DEFERRED,
    ITEMS_FAILED,
    ITEMS_SUCCEEDED,
    KAFKA_LAG,
    LATE_RESULTS,
    PROVIDER_CALL_LIMIT,
    PROVIDER_CALL_SECONDS,
    PROVIDER_CALLS,
    PROVIDER_CIRCUITS,
    PROVIDER_INFO,
    PROVIDER_TOKENS,
    REQUEST_SECONDS,
    REQUESTS_CLAIMED,
    REQUESTS_IN_FLIGHT,
    REQUESTS_RELEASED,
    REQUESTS_SETTLED,
)

__all__ = [
    "API",
    "ATTEMPT_SECONDS",
    "BUILD_INFO",
    "DATABASE_CONNECTIONS",
    "DATABASE_CONNECTIONS_LIMIT",
    "DATABASE_WAITING",
    "DEAD_LETTERS",
    "DECLARED",
    "DEPENDENCY_UP",
    "EVENT_LOOP_LAG_SECONDS",
    "HTTP_REQUESTS",
    "HTTP_REQUEST_SECONDS",
    "ITEMS_DEFERRED",
    "ITEMS_FAILED",
    "ITEMS_SUCCEEDED",
    "KAFKA_LAG",
    "LATE_RESULTS",
    "MEDIA_TYPE",
    "OLDEST_UNCLAIMED",
    "OUTBOX_ROWS",
    "PROVIDER_CALLS",
    "PROVIDER_CALL_LIMIT",
    "PROVIDER_CALL_SECONDS",
    "PROVIDER_CIRCUITS",
    "PROVIDER_INFO",
    "PROVIDER_TOKENS",
    "REQUESTS_ACCEPTED",
    "REQUESTS_CLAIMED",
    "REQUESTS_IN_FLIGHT",
    "REQUESTS_PROCESSING",
    "REQUESTS_RELEASED",
    "REQUESTS_SETTLED",
    "REQUESTS_UNCLAIMED",
    "REQUEST_SECONDS",
    "WORKER",
    "exposition",
]
