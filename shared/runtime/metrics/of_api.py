"""The metrics of the API."""

from prometheus_client import Counter, Gauge, Histogram

from shared.runtime.metrics.declare import API, declared

_HTTP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS_ACCEPTED = declared(
    Counter,
    "requests_accepted_total",
    "Requests that the API answered with 202.",
    ("entity_type", "priority"),
    registries=(API,),
)
REQUESTS_UNCLAIMED = declared(
    Gauge,
    "requests_unclaimed",
    "Requests in PostgreSQL that no worker has claimed; read at each scrape of the API.",
    ("priority",),
    registries=(API,),
)
REQUESTS_PROCESSING = declared(
    Gauge,
    "requests_processing",
    "Requests in PostgreSQL that a worker holds a lease on; read at each scrape of the API.",
    registries=(API,),
)
OLDEST_UNCLAIMED = declared(
    Gauge,
    "requests_oldest_unclaimed_seconds",
    "How long the request that is due for longest has waited; read at each scrape of the API.",
    registries=(API,),
)
OUTBOX_ROWS = declared(
    Gauge,
    "outbox_rows",
    "Rows of the outbox by state: waiting to be published, or parked for a person to look at.",
    ("state",),
    registries=(API,),
)
DEAD_LETTERS = declared(
    Gauge,
    "dead_letters",
    "Dead letters in PostgreSQL; read at each scrape of the API.",
    ("reason",),
    registries=(API,),
)
HTTP_REQUESTS = declared(
    Counter,
    "http_requests_total",
    "HTTP requests by the template of their route (`none`: no route fits) and their status.",
    ("method", "route", "status"),
    registries=(API,),
)
HTTP_REQUEST_SECONDS = declared(
    Histogram,
    "http_request_seconds",
    "From the head of an HTTP request to the end of its answer.",
    ("method", "route"),
    buckets=_HTTP_SECONDS,
    registries=(API,),
)
