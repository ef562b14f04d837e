"""Run the outbox's relay: inside the API service, or alone as `python -m api_service.relay`."""

from shared.runtime.termination import LEFT_IN_ORDER, leave_at_once_on_signals

if __name__ == "__main__":
    leave_at_once_on_signals(status=LEFT_IN_ORDER)  # before the imports, which take a second

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from shared.config import SharedSettings, load
from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher
from shared.kafka.topics import Topics
from shared.outbox import Relay
from shared.postgres.database import Database, connect
from shared.postgres.schema import wait_for_schema
from shared.runtime.arguments import take_no_arguments
from shared.runtime.logging import configure, get_log
from shared.runtime.loops import on_signals, repeat
from shared.tracing.opening import tracing

log = get_log()

DATABASE_SECONDS = 5.0
_AFTER_BUG_SECONDS = 1.0


@asynccontextmanager
async def relaying(database: Database, publisher: Publisher) -> AsyncIterator[Relay]:
    """Publish offered and left-over rows for as long as the block runs, whatever goes wrong."""
    relay = Relay(database, publisher)
    work = asyncio.create_task(repeat(relay.run, name="relay", every=_AFTER_BUG_SECONDS))
    try:
        yield relay
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        await publisher.stop()


async def relay_alone(settings: SharedSettings) -> None:
    """Relay until the process is told to stop."""
    stopped = asyncio.Event()
    async with (
        tracing(settings, service="relay") as tracer,
        connect(
            settings.database_url,
            password=settings.database_password,
            patience=DATABASE_SECONDS,
            pool_size=2,
            pooling=settings.database_pooler,
            application_name="relay",
        ) as database,
    ):
        await wait_for_schema(database, seconds=settings.schema_wait_seconds)
        on_signals(stopped.set)
        topics = Topics.with_prefix(settings.kafka_topic_prefix)
        clients = KafkaClients.of(settings, client_id="relay")
        publisher = Publisher(clients, topics.names, tracer=tracer)
        async with relaying(database, publisher):
            log.info("service_started")
            await stopped.wait()
    log.info("service_stopped")


def main() -> None:
    """Read the settings and relay."""
    take_no_arguments("api_service.relay", __doc__)
    settings = load(SharedSettings)
    configure(settings, service="relay")
    asyncio.run(relay_alone(settings))


if __name__ == "__main__":
    main()
