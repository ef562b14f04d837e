"""The metrics that both services have; each serves its own values of them."""

from prometheus_client import Gauge

from shared.runtime.metrics.declare import BOTH, declared

BUILD_INFO = declared(
    Gauge,
    "build_info",
    "Always 1; the labels are the versions of the service and of its Python.",
    ("version", "python"),
    registries=BOTH,
)
DEPENDENCY_UP = declared(
    Gauge,
    "dependency_up",
    "Whether the last use of postgresql, and the last ping of kafka, was answered: 1 or 0.",
    ("dependency",),
    registries=BOTH,
)
DATABASE_CONNECTIONS = declared(
    Gauge,
    "database_connections",
    "Connections of this process to PostgreSQL: in_use or idle.",
    ("state",),
    registries=BOTH,
)
DATABASE_CONNECTIONS_LIMIT = declared(
    Gauge,
    "database_connections_limit",
    "Connections that this process opens at the most: DATABASE_POOL_SIZE.",
    registries=BOTH,
)
DATABASE_WAITING = declared(
    Gauge,
    "database_waiting",
    "Statements and transactions of this process that wait for a connection.",
    registries=BOTH,
)
EVENT_LOOP_LAG_SECONDS = declared(
    Gauge,
    "event_loop_lag_seconds",
    "How late the event loop of this process wakes up: the mean of about the last second.",
    registries=BOTH,
)
