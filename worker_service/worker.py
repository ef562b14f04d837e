"""The life of a worker: the one place of its wiring, its loops, its drain and its end."""

import asyncio
import os
import socket
import time
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from schemas.states import Priority
from shared.group_commit import GroupCommit
from shared.http.server import Server
from shared.kafka.publisher import Publisher
from shared.kafka.topics import Topics
from shared.outbox import Relay
from shared.postgres.database import Database, connect, wait_for_schema
from shared.runtime.garbage import collect_seldom
from shared.runtime.logging import get_log
from shared.runtime.loops import on_signals, repeat
from worker_service import generators, health
from worker_service.claims.circuit import BreakerPolicy, Breakers
from worker_service.claims.claim import (
    PENDING_SECONDS,
    PENDING_SECONDS_WITHOUT_MESSAGE,
    Claim,
    Claims,
)
from worker_service.claims.lease import BEATS_PER_LEASE, Leases
from worker_service.claims.slots import InFlight, Run
from worker_service.config import WorkerSettings
from worker_service.generation.attempt import GenerationTools
from worker_service.generation.permits import PrioritySemaphore
from worker_service.generation.request import WorkerContext, give_back, work
from worker_service.generation.retry_policy import RetryPolicy
from worker_service.intake.consume import Consumption
from worker_service.kafka_names import KafkaNames
from worker_service.maintenance.sweep import BATCH_REQUESTS, Sweep
from worker_service.providers.settings import make_providers
from worker_service.settlement.record import record

log = get_log()

RESCUE_EVERY_SECONDS = 2.0
SWEEP_EVERY_SECONDS = 5.0
COMMIT_EVERY_SECONDS = 1.0
LOST_EVERY_SECONDS = 1.0
WATCH_EVERY_SECONDS = 5.0
STALLED_SECONDS = 60.0
AFTER_BUG_SECONDS = 30.0
SHORTEST_AFTER_DRAIN_SECONDS = 5.0
RESCUE_BATCH = 100
RELAY_AGAIN_SECONDS = 1.0
LEASE_SHARE = 3
"""A statement may take a third of a lease."""

EXIT_STALLED = 70
EXIT_AT_ONCE = 1


class Worker:
    """Everything that runs in one worker process."""

    def __init__(
        self,
        settings: WorkerSettings,
        database: Database,
        publisher: Publisher,
        tools: GenerationTools,
    ) -> None:
        kafka_names = KafkaNames(
            topics=Topics.with_prefix(settings.kafka_topic_prefix), group_id=settings.kafka_group_id
        )
        self._settings = settings
        self._publisher = publisher
        self._relay = Relay(database, publisher)
        self.in_flight = InFlight(settings.max_requests_in_flight)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self.exit_status = 0
        self._signals = 0
        self._leases = Leases(database, self.in_flight, lease_seconds=settings.lease_seconds)
        self._context = WorkerContext(
            database=database,
            relay=self._relay,
            tools=tools,
            permits=PrioritySemaphore(settings.provider_calls),
            parallel_items=settings.max_parallel_items_per_request,
            kafka_names=kafka_names,
            recording=GroupCommit(
                partial(record, database, kafka_names=kafka_names),
                key=lambda result: result.request_id,
                patience=database.patience,
            ),
            is_over=asyncio.Event(),
        )
        self._breakers = tools.breakers
        entity_types = [*tools.generators]
        self._claims = Claims(
            database,
            owner=uuid4(),
            lease_seconds=settings.lease_seconds,
            entity_types=entity_types,
            provider=settings.provider,
            running=self.in_flight.ids,
            start=self._start,
            breakers=tools.breakers,
        )
        self._consumption = Consumption(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            kafka_names=kafka_names,
            database=database,
            claims=self._claims,
            in_flight=self.in_flight,
        )
        self._sweep = Sweep(
            database,
            self._relay,
            entity_types=entity_types,
            lease_seconds=settings.lease_seconds,
            kafka_names=kafka_names,
            take_over_until=lambda: self._leases.take_over_until,
        )
        self._health = Server(health.create_app(database, publisher, self.in_flight))

    async def run(self, listening: socket.socket) -> int:
        """Work until told to stop or stalled, drain, and return the exit status.

        Raises:
            ExceptionGroup: a loop met a bug that it cannot go on from; leases cover what is open.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._health.serve(sockets=[listening]))
            lasting = [group.create_task(loop) for loop in self._lasting_loops()]
            claiming = [group.create_task(loop) for loop in self._claiming_loops()]
            log.info("service_started", port=listening.getsockname()[1])
            await self._stopping.wait()
            await self._drain(claiming)
            self._health.should_exit = True
            for task in lasting:
                task.cancel()
        log.info("service_stopped")
        return self.exit_status

    def _lasting_loops(self) -> list[Coroutine[Any, Any, None]]:
        beat = self._settings.lease_seconds / BEATS_PER_LEASE
        return [
            repeat(self._relay.run, name="relay", every=RELAY_AGAIN_SECONDS),
            repeat(self._leases.renew, name="heartbeat", every=beat),
            repeat(self._leases.abort_lost, name="lost_leases", every=LOST_EVERY_SECONDS),
            repeat(self._consumption.commit, name="offsets_commit", every=COMMIT_EVERY_SECONDS),
            repeat(self._settle_due, name="sweep", every=SWEEP_EVERY_SECONDS),
            repeat(self._watch, name="watchdog", every=WATCH_EVERY_SECONDS),
        ]

    def _claiming_loops(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self._consumption.run(),
            repeat(
                self._rescue,
                name="claim_any",
                every=RESCUE_EVERY_SECONDS,
                sooner=self.in_flight.suspect_ended,
            ),
            repeat(self._rescue_high, name="claim_any_high", every=RESCUE_EVERY_SECONDS),
            repeat(self._probe, name="claim_probes", every=RESCUE_EVERY_SECONDS),
        ]

    def _start(self, claim: Claim) -> None:
        run = Run.of(claim)
        self.in_flight.add(run)
        task = asyncio.create_task(self._work(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, run: Run) -> None:
        """Work on a request; a bug in that costs this run alone, and is counted."""
        try:
            await work(run, context=self._context)
        except Exception:
            log.exception("run_failed", request_id=str(run.claim.request_id))
            run.defer(AFTER_BUG_SECONDS, counted=True)
            await give_back(run, context=self._context)
        finally:
            self.in_flight.remove(run)

    async def _rescue(self) -> None:
        """Claim what no message brings, as long as each claim fills its slots."""
        while slots := min(await self.in_flight.rescue_slots(RESCUE_EVERY_SECONDS), RESCUE_BATCH):
            if await self._claim_any(slots, [*Priority]) < slots:
                return

    async def _rescue_high(self) -> None:
        """Claim what no message brings into the slots that are for `high` alone."""
        if slots := min(self.in_flight.free(Priority.HIGH), RESCUE_BATCH):
            await self._claim_any(slots, [Priority.HIGH])

    async def _probe(self) -> None:
        """Claim one request for each provider that was left alone for long enough."""
        for circuit in self._breakers.in_want_of_a_probe(time.monotonic()):
            if self.in_flight.free(Priority.NORMAL) <= 0:
                return
            with self.in_flight.held(1):
                await self._claims.claim_probe(
                    circuit,
                    take_over_until=self._leases.take_over_until,
                    may_take_suspect=not self.in_flight.has_suspect,
                )

    async def _claim_any(self, slots: int, priorities: list[Priority]) -> int:
        with self.in_flight.held(slots):
            return await self._claims.claim_any(
                slots,
                priorities=priorities,
                take_over_until=self._leases.take_over_until,
                may_take_suspect=not self.in_flight.has_suspect,
                pending_seconds=self._pending_seconds(),
            )

    def _pending_seconds(self) -> float:
        """Return the age from which a request is taken whose message should have come by now.

        Messages that came while a circuit was open will not come again, and are younger than
        `PENDING_SECONDS` for so long after it has closed.
        """
        has_lost_messages = self._breakers.closed_since(time.monotonic() - PENDING_SECONDS)
        if has_lost_messages or not self._publisher.reachable:
            return PENDING_SECONDS_WITHOUT_MESSAGE
        return PENDING_SECONDS

    async def _settle_due(self) -> None:
        while await self._sweep.settle_due() == BATCH_REQUESTS:
            pass

    async def _watch(self) -> None:
        """Leave when the poll loop is stuck: leases make a restart cheap.

        Without Kafka nobody can tell stuck from waiting, and PostgreSQL has work enough.
        """
        if not self._publisher.reachable:
            self._consumption.excuse()
        silent = time.monotonic() - self._consumption.ticked_at
        rejoining = self._consumption.rejoining_seconds()
        if max(silent, rejoining) > STALLED_SECONDS and not self._stopping.is_set():
            log.error("worker_stalled", silent_seconds=silent, rejoining_seconds=rejoining)
            self.exit_status = EXIT_STALLED
            self._stopping.set()

    def stop(self) -> None:
        """Begin to drain."""
        self._stopping.set()

    def stop_or_leave(self) -> None:
        """Drain at the first signal, leave at the second: leases cover what is open then."""
        self._signals += 1
        if self._signals > 1:
            os._exit(EXIT_AT_ONCE)
        self.stop()

    async def _drain(self, claiming: list[asyncio.Task[None]]) -> None:
        """Claim nothing more, finish the calls in flight, release the rest."""
        log.info("drain_begun", in_flight=len(self.in_flight))
        await self._claims.close()
        for task in claiming:
            task.cancel()
        for run in self.in_flight:
            run.stop()
        leaving = asyncio.create_task(self._consumption.stop())
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_seconds):
                await self.in_flight.emptied()
        self._context.is_over.set()
        for run in self.in_flight:
            run.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._after_drain_seconds):
                await self.in_flight.emptied()
        await leaving
        await self._publisher.stop()
        log.info("worker_drained", left=len(self.in_flight))

    @property
    def _after_drain_seconds(self) -> float:
        """A record under way when the drain is over may take as long as any statement."""
        return max(self._context.database.patience, SHORTEST_AFTER_DRAIN_SECONDS)


def make_tools(settings: WorkerSettings) -> GenerationTools:
    """Make what the settings ask for."""
    loaded = generators.load()
    return GenerationTools(
        generators=loaded,
        providers=make_providers(settings, loaded, connections=settings.provider_calls),
        policy=RetryPolicy(
            call_attempts=settings.call_attempts,
            invalid_output_attempts=settings.invalid_output_attempts,
        ),
        breakers=Breakers(
            BreakerPolicy(
                failures=settings.breaker_failures, first_seconds=settings.breaker_seconds
            )
        ),
    )


async def run_worker(
    settings: WorkerSettings, tools: GenerationTools, listening: socket.socket
) -> int:
    """Open what a worker needs, run it, and return the exit status.

    Raises:
        SystemExit: the schema is older than the service.
    """
    async with connect(
        settings.database_url,
        patience=settings.lease_seconds / LEASE_SHARE,
        pool_size=settings.database_pool_size,
        application_name="worker_service",
    ) as database:
        await wait_for_schema(database, seconds=settings.schema_wait_seconds)
        publisher = Publisher(settings.kafka_bootstrap_servers, client_id="worker_service")
        worker = Worker(settings, database, publisher, tools)
        on_signals(worker.stop_or_leave)
        collect_seldom()
        try:
            return await worker.run(listening)
        finally:
            for provider in tools.providers.values():
                await provider.close()
