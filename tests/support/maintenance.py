"""Run the maintenance duties that settle requests, once each."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from shared.kafka.publisher import Publisher
from shared.outbox import Relay
from shared.postgres.database import Database
from tests.support.requests import KAFKA_NAMES, LEASE_SECONDS
from worker_service.claims.claims import Claimant
from worker_service.context import WorkerContext
from worker_service.maintenance import table
from worker_service.maintenance.duty import Maintenance


def in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


async def settle_all_due(
    database: Database,
    *,
    take_over_until: datetime | None,
    entity_types: Sequence[str] = ("sentence",),
    providers: Sequence[str] = ("demo",),
    relay: Relay | None = None,
) -> int:
    """Settle what no worker can finish and return how many requests that were."""
    unused = cast("Any", None)
    return await table.settle_all_due(
        Maintenance(
            context=WorkerContext(
                database=database,
                relay=relay or Relay(database, Publisher("127.0.0.1:1", client_id="test")),
                kafka_names=KAFKA_NAMES,
                recording=unused,
                parallel_items=1,
                is_over=asyncio.Event(),
            ),
            claimant=Claimant(
                owner=uuid4(),
                lease_seconds=LEASE_SECONDS,
                entity_types=entity_types,
                providers=providers,
                default_provider="demo",
            ),
            slots=unused,
            leases=cast("Any", SimpleNamespace(take_over_until=take_over_until)),
            rescue=unused,
            runner=unused,
            breakers=unused,
            publisher=unused,
        )
    )
