"""The one place where a worker is wired: its parts, its loops, and the order of their end."""

import asyncio
import os
import socket
from functools import partial
from uuid import uuid4

from shared.group_commit import GroupCommit
from shared.http.server import Server
from shared.kafka.clients import KafkaClients
from shared.kafka.publisher import Publisher
from shared.kafka.topics import Topics
from shared.outbox import Relay
from shared.postgres.database import Database, connect
from shared.postgres.schema import wait_for_schema
from shared.runtime.garbage import collect_seldom
from shared.runtime.logging import get_log
from shared.runtime.loops import on_signals
from shared.tracing import Tracer
from shared.tracing.opening import tracing
from worker_service import generators, health
from worker_service.claims.circuit import BreakerPolicy, Breakers
from worker_service.claims.claims import Claimant, Claims
from worker_service.claims.lease import Leases
from worker_service.claims.rescue import Rescue
from worker_service.claims.slots import Slots
from worker_service.config import WorkerSettings
from worker_service.context import WorkerContext
from worker_service.drain import Drain
from worker_service.duties import Duties
from worker_service.generation.admission import Admission
from worker_service.generation.permits import PrioritySemaphore
from worker_service.generation.retry_policy import RetryPolicy
from worker_service.generation.runner import Runner
from worker_service.generation.tools import GenerationTools
from worker_service.intake.consume import Consumption
from worker_service.intake.dispatches import Dispatches
from worker_service.intake.liveness import Liveness
from worker_service.kafka_names import KafkaNames
from worker_service.maintenance.duty import Maintenance
from worker_service.providers.settings import make_providers
from worker_service.settlement.provider_calls import record_calls
from worker_service.settlement.record import record
from worker_service.settlement.spans import with_spans
from worker_service.watchdog import Watchdog

log = get_log()

STATEMENTS_PER_LEASE = 3
"""A statement may take a third of a lease."""

EXIT_AT_ONCE = 1


class Worker:
    """Everything that runs in one worker process."""

    def __init__(
        self,
        settings: WorkerSettings,
        database: Database,
        publisher: Publisher,
        tools: GenerationTools,
        *,
        tracer: Tracer | None = None,
    ) -> None:
        self.slots = Slots(settings.max_requests_in_flight)
        self._stopping = asyncio.Event()
        self._signals = 0
        context = make_context(settings, database, publisher, tracer=tracer)
        claimant = make_claimant(settings, tools)
        claims = Claims(
            database,
            claimant=claimant,
            slots=self.slots,
            breakers=tools.breakers,
            tracer=tracer,
        )
        runner = Runner(self.slots, context=context, tools=tools)
        self.liveness = Liveness()
        dispatches = Dispatches(context, claims=claims, runner=runner, liveness=self.liveness)
        self._consumption = Consumption(
            clients=publisher.clients,
            kafka_names=context.kafka_names,
            dispatches=dispatches,
            slots=self.slots,
            liveness=self.liveness,
        )
        maintenance = Maintenance(
            context=context,
            claimant=claimant,
            slots=self.slots,
            leases=Leases(database, self.slots, lease_seconds=settings.lease_seconds),
            rescue=Rescue(claims, tools.breakers),
            runner=runner,
            breakers=tools.breakers,
            publisher=publisher,
        )
        self._watchdog = Watchdog(
            self._consumption, self.liveness, publisher=publisher, stopping=self._stopping
        )
        self._drain = Drain(
            context=context,
            claims=claims,
            slots=self.slots,
            consumption=self._consumption,
            publisher=publisher,
            seconds=settings.drain_seconds,
        )
        self._duties = Duties(
            maintenance=maintenance,
            consumption=self._consumption,
            dispatches=dispatches,
            admission=Admission(tools.permits),
            watchdog=self._watchdog,
        )
        self._health = Server(
            health.create_app(database, publisher, slots=self.slots, breakers=tools.breakers)
        )

    @property
    def exit_status(self) -> int:
        """The status to leave the process with."""
        return self._watchdog.exit_status

    async def run(self, listening: socket.socket) -> int:
        """Work until told to stop or stalled, drain, and return the exit status.

        Raises:
            ExceptionGroup: a loop met a bug that it cannot go on from; leases cover what is open.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._health.serve(sockets=[listening]))
            lasting = [group.create_task(duty.loop()) for duty in self._duties.lasting()]
            duties = [duty.loop() for duty in self._duties.claiming()]
            claiming = [group.create_task(loop) for loop in (self._consumption.run(), *duties)]
            log.info("service_started", port=listening.getsockname()[1])
            await self._stopping.wait()
            await self._drain.run(claiming)  # the lasting duties keep leases and relay until then
            self._health.should_exit = True
            for task in lasting:
                task.cancel()
        log.info("service_stopped")
        return self.exit_status

    def stop(self) -> None:
        """Begin to drain."""
        self._stopping.set()

    def stop_or_leave(self) -> None:
        """Drain at the first signal, leave at the second: leases cover what is open then."""
        self._signals += 1
        if self._signals > 1:
            os._exit(EXIT_AT_ONCE)
        self.stop()


def make_context(
    settings: WorkerSettings,
    database: Database,
    publisher: Publisher,
    *,
    tracer: Tracer | None = None,
) -> WorkerContext:
    """Make what the stages share."""
    kafka_names = KafkaNames(
        topics=Topics.with_prefix(settings.kafka_topic_prefix), group_id=settings.kafka_group_id
    )
    write = partial(record, database, kafka_names=kafka_names)
    return WorkerContext(
        database=database,
        relay=Relay(database, publisher),
        kafka_names=kafka_names,
        recording=GroupCommit(
            write if tracer is None else with_spans(write, tracer),
            key=lambda result: result.request_id,
            patience=database.patience,
        ),
        call_recording=GroupCommit(
            partial(record_calls, database),
            key=lambda batch: batch[0].call_id,
            patience=database.patience,
        ),
        parallel_items=settings.max_parallel_items_per_request,
        is_over=asyncio.Event(),
        tracer=tracer,
    )


def make_claimant(settings: WorkerSettings, tools: GenerationTools) -> Claimant:
    """Say who claims, and what it serves: the entity types and providers of its tools."""
    return Claimant(
        owner=uuid4(),
        lease_seconds=settings.lease_seconds,
        entity_types=[*tools.generators],
        providers=[*tools.providers],
        default_provider=settings.default_provider,
    )


def make_tools(settings: WorkerSettings) -> GenerationTools:
    """Make the generators and providers that the settings ask for."""
    policy = BreakerPolicy(
        failures=settings.breaker_failures, first_seconds=settings.breaker_seconds
    )
    return GenerationTools(
        generators=generators.load(),
        providers=make_providers(settings, connections=settings.provider_calls),
        policy=RetryPolicy(
            call_attempts=settings.call_attempts,
            calls_per_item=settings.max_calls_per_item,
            invalid_output_attempts=settings.invalid_output_attempts,
        ),
        breakers=Breakers(policy),
        permits=PrioritySemaphore(settings.provider_calls),
    )


async def run_worker(
    settings: WorkerSettings, tools: GenerationTools, listening: socket.socket
) -> int:
    """Open what a worker needs, run it, and return the exit status.

    Raises:
        SystemExit: the schema is older than the service.
    """
    async with (
        tracing(settings, service="worker") as tracer,
        connect(
            settings.database_url,
            password=settings.database_password,
            patience=settings.lease_seconds / STATEMENTS_PER_LEASE,
            pool_size=settings.database_pool_size,
            pooling=settings.database_pooler,
            application_name="worker_service",
        ) as database,
    ):
        await wait_for_schema(database, seconds=settings.schema_wait_seconds)
        topics = Topics.with_prefix(settings.kafka_topic_prefix)
        clients = KafkaClients.of(settings, client_id="worker_service")
        publisher = Publisher(clients, topics.names, tracer=tracer)
        worker = Worker(settings, database, publisher, tools, tracer=tracer)
        on_signals(worker.stop_or_leave)
        collect_seldom()
        try:
            return await worker.run(listening)
        finally:
            for provider in tools.providers.values():
                await provider.close()
