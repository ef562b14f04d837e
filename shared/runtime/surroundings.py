"""Show in the metrics what a process is, and how it stands with PostgreSQL and Kafka."""

import platform

from shared.kafka.publisher import Publisher
from shared.postgres.database import Database
from shared.runtime.metrics import (
    BUILD_INFO,
    DATABASE_CONNECTIONS,
    DATABASE_CONNECTIONS_LIMIT,
    DATABASE_WAITING,
    DEPENDENCY_UP,
)
from shared.version import VERSION


def show_surroundings(database: Database, publisher: Publisher) -> None:
    """Set the metrics that both services have, for a scrape."""
    BUILD_INFO.labels(VERSION, platform.python_version()).set(1)
    DEPENDENCY_UP.labels("postgresql").set(database.is_reachable)
    DEPENDENCY_UP.labels("kafka").set(publisher.reachable)
    use = database.pool_use
    DATABASE_CONNECTIONS.labels("in_use").set(use.in_use)
    DATABASE_CONNECTIONS.labels("idle").set(use.idle)
    DATABASE_CONNECTIONS_LIMIT.set(use.most)
    DATABASE_WAITING.set(use.waiting)
