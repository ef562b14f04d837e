"""The metrics of a worker."""

from prometheus_client import Counter, Gauge, Histogram

from shared.errors import ErrorCode
from shared.runtime.metrics.declare import SECONDS, WORKER, declared

REQUESTS_IN_FLIGHT = declared(
    Gauge, "requests_in_flight", "Requests that this worker works on.", registries=(WORKER,)
)
REQUESTS_CLAIMED = declared(
    Counter,
    "requests_claimed_total",
    "Claims of this worker; `takeover` counts the expired leases of others.",
    ("how",),
    registries=(WORKER,),
)
REQUESTS_RELEASED = declared(
    Counter,
    "requests_released_total",
    "Requests that this worker gave back unsettled: for an error code, or for its `drain`.",
    ("code",),
    registries=(WORKER,),
)
REQUESTS_SETTLED = declared(
    Counter,
    "requests_settled_total",
    "Requests that this worker settled.",
    ("entity_type", "status"),
    registries=(WORKER,),
)
REQUEST_SECONDS = declared(
    Histogram,
    "request_seconds",
    "From the acceptance of a request to its settling.",
    ("entity_type",),
    buckets=SECONDS,
    registries=(WORKER,),
)
ITEMS_SUCCEEDED = declared(
    Counter,
    "items_succeeded_total",
    "Items that this worker recorded with their entity.",
    ("entity_type",),
    registries=(WORKER,),
)
ITEMS_FAILED = declared(
    Counter,
    "items_failed_total",
    "Items that this worker recorded as failed, those that maintenance gave up included.",
    ("code",),
    registries=(WORKER,),
)
ITEMS_DEFERRED = declared(
    Counter,
    "items_deferred_total",
    "Attempts at an item that ended with nothing recorded: the item is attempted again later.",
    ("code",),
    registries=(WORKER,),
)
ATTEMPT_SECONDS = declared(
    Histogram,
    "attempt_seconds",
    "Attempts at an item from its first permit on, call retries and waits between them included.",
    ("entity_type", "outcome"),
    buckets=SECONDS,
    registries=(WORKER,),
)
PROVIDER_CALLS = declared(
    Counter,
    "provider_calls_total",
    "Calls of a provider by their outcome: ok, cancelled, form_refused, connection_closed, or an"
    " error code.",
    ("provider", "outcome"),
    registries=(WORKER,),
)
PROVIDER_CALL_SECONDS = declared(
    Histogram,
    "provider_call_seconds",
    "Calls of a provider, from their beginning to the end of the answer.",
    ("provider",),
    buckets=SECONDS,
    registries=(WORKER,),
)
PROVIDER_TOKENS = declared(
    Counter,
    "provider_tokens_total",
    "Tokens as the provider counts them: input, output, and the output's share of reasoning.",
    ("provider", "kind"),
    registries=(WORKER,),
)
PROVIDER_INFO = declared(
    Gauge,
    "provider_info",
    "Always 1 for a provider that is set up; `model` is the one that its settings name.",
    ("provider", "model"),
    registries=(WORKER,),
)
PROVIDER_CALL_LIMIT = declared(
    Gauge,
    "provider_call_limit",
    "Provider calls that this worker admits: MAX_PROVIDER_CALLS, fewer while it falls behind.",
    registries=(WORKER,),
)
PROVIDER_CIRCUITS = declared(
    Gauge,
    "provider_circuits",
    "Circuits of a provider, one for each model asked for: closed, half_open or open.",
    ("provider", "state"),
    registries=(WORKER,),
)
KAFKA_LAG = declared(
    Gauge,
    "kafka_lag_messages",
    "Messages of a partition of this worker that it has not handled; measured every 10 s.",
    ("topic", "partition"),
    registries=(WORKER,),
)
MESSAGES_IGNORED = declared(
    Counter,
    "messages_ignored_total",
    "Messages that started nothing: older than the database, or copies of dead letters.",
    ("reason",),
    registries=(WORKER,),
)
LATE_RESULTS = declared(
    Counter,
    "late_results_total",
    "Results that came when their request was final, and failures of a stale claim.",
    registries=(WORKER,),
)

# A counter that appears with its first increment hides that increment from `increase()`.
for _code in ErrorCode:
    for _counter in (ITEMS_FAILED, ITEMS_DEFERRED, REQUESTS_RELEASED):
        _counter.labels(_code)
