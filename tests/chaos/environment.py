"""A stack of its own whose every part can be broken: servers, services, network, model."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from devstack.kafka import Detour, Kafka
from devstack.ports import pick_free_port
from devstack.postgres import Postgres
from devstack.server import Server
from migrations.migrate import migrate
from shared.kafka.clients import KafkaClients
from shared.kafka.topics import create_topics
from shared.postgres.database import Database, connect
from tests.chaos.load import KILLER, Load
from tests.chaos.stalls import Stalls
from tests.stack import PARTITIONS, Stack
from tests.support.invariants.calls import Exposure
from tests.support.invariants.ledger import Outage, ProcessEnd
from tests.support.invariants.watch import Watch
from tests.support.model_server import Call, Item, Model, model_served
from tests.support.model_workers import ModelWorker, beginner, meet_during_call
from tests.support.processes import Door, Service, Services, services_of
from tests.support.proxy import Proxy, proxied, through
from tests.support.waiting import eventually

LEASE_SECONDS = 4.0
LOSS_NOTICED_SECONDS = 2.0
"""How long a worker that lost its leases may go on: it looks once a second."""

_SHOWN_OF_A_LOG = 600
_SUPERVISED_EVERY_SECONDS = 0.1
_EXIT_SECONDS = 30.0
_EXPECTED_STATUSES = (0, -signal.SIGKILL, -signal.SIGTERM)


@dataclass(kw_only=True)
class WorkerPlace(ModelWorker):
    """Where one worker runs, and the network before it."""

    to_postgres: Proxy
    to_kafka: Proxy
    holders: int = 0
    """How many want it down: while there is one, it is not started again."""

    @contextmanager
    def held_down(self) -> Iterator[None]:
        """Keep it from being started again inside the block."""
        self.holders += 1
        try:
            yield
        finally:
            self.holders -= 1


@dataclass(kw_only=True)
class Environment:
    """The stack as faults see it."""

    stack: Stack
    postgres: Postgres
    kafka: Kafka
    services: Services
    model: Model
    load: Load
    database: Database
    watch: Watch
    door: Door
    workers: list[WorkerPlace]
    apis: list[Service] = field(default_factory=list)
    apis_wanted: int = 2
    exposures: list[Exposure] = field(default_factory=list)
    stalls: Stalls = field(default_factory=lambda: Stalls(LEASE_SECONDS))
    surprises: list[str] = field(default_factory=list)
    """What no fault accounts for: a process that left by itself, a fault that met an error."""
    ends: dict[int, ProcessEnd] = field(default_factory=dict)
    """How processes of workers have ended, by their ids."""
    outages: list[Outage] = field(default_factory=list)
    """When something was done to PostgreSQL as a whole."""
    poison: set[tuple[str, int, int]] = field(default_factory=set)
    """Coordinates of the records that no worker can handle."""

    _killed_at: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model.arrived = self.note_call

    def expose(
        self, workers: list[WorkerPlace], *, since: float, items: Iterable[Item] | None = None
    ) -> None:
        """Note that what these workers had in hand `since` then may be called for again.

        `items` narrows it to some of that.
        """
        self.exposures.append(
            Exposure(
                workers=frozenset(place.name for place in workers),
                since=since,
                until=time.time(),
                items=None if items is None else frozenset(items),
            )
        )

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Note that PostgreSQL may take no rows inside the block."""
        since = time.time()
        try:
            yield
        finally:
            self.outages.append(Outage(since, time.time()))

    def note_end(self, place: WorkerPlace, *, at: float) -> None:
        """Note that a worker's process has ended; the first one to notice knows best."""
        process = place.service.process
        end = ProcessEnd(
            worker=place.name,
            process=process.pid,
            at=min(at, self._killed_at.get(process.pid, at)),
            was_killed=process.returncode == -signal.SIGKILL,
        )
        self.ends.setdefault(process.pid, end)

    async def supervise(self) -> NoReturn:
        """Start again what has died, as an orchestrator does."""
        while True:
            for place in self.workers:
                if not place.is_running and not place.holders:
                    self._note_exit(place.service)
                    self.note_end(place, at=time.time())
                    self.expose([place], since=time.time() - 2 * _SUPERVISED_EVERY_SECONDS)
                    place.start()
            for api in [api for api in self.apis if api.process.poll() is not None]:
                self._note_exit(api)
                self.apis.remove(api)
            while len(self.apis) < self.apis_wanted:
                self.apis.append(self.services.api(self.door))
            await asyncio.sleep(_SUPERVISED_EVERY_SECONDS)

    def _note_exit(self, service: Service) -> None:
        if service.process.returncode not in _EXPECTED_STATUSES:
            self.surprises.append(
                f"{service.log.name} ends with status {service.process.returncode}: "
                f"{service.log.read_text(encoding='utf-8')[-_SHOWN_OF_A_LOG:]}"
            )

    def note_call(self, call: Call) -> None:
        """Let the call of a killer kill, and carry out what is ordered for a call."""
        if call.item.tag.startswith(KILLER):
            self._killed_at[call.process] = time.time()
            next(place for place in self.workers if place.name == call.worker).send(signal.SIGKILL)
        meet_during_call(self.workers, call)

    async def ready(self) -> None:
        """Wait until every service is."""
        await eventually(lambda: len(self.apis) >= self.apis_wanted)
        for service in (*self.apis, *(place.service for place in self.workers)):
            await service.ready()

    async def heal(self) -> None:
        """Make everything whole again that a fault may have left broken."""
        for server in (self.postgres, self.kafka):
            await restored(server)
        for place in self.workers:
            place.orders.withdraw()
            place.to_postgres.mend()
            place.to_kafka.mend()
            place.send(signal.SIGCONT)

    async def leave(self) -> list[str]:
        """Tell every worker to drain, and say who did not leave in order."""
        await self.ready()
        for place in self.workers:
            place.holders += 1
            place.send(signal.SIGTERM)
        return [
            f"{place.name} left with status {status}"
            for place in self.workers
            if (status := await self._left(place)) != 0
        ]

    async def _left(self, place: WorkerPlace) -> int:
        status = await _exit_status(place.service)
        self.note_end(place, at=time.time())
        return status


async def stopped(server: Server) -> None:
    """Stop a server beside the event loop."""
    await asyncio.to_thread(server.stop)


async def started(server: Server) -> None:
    """Start a server; only the first step needs the main thread."""
    server.launch()
    await asyncio.to_thread(server.wait_until_ready)


async def restored(server: Server) -> None:
    """Have a server run, whatever state it is in."""
    server.thaw()
    if not server.is_running:
        await started(server)


async def _exit_status(service: Service) -> int:
    with suppress(AssertionError):
        return await service.exit_status(within=_EXIT_SECONDS)
    service.process.kill()
    return await service.exit_status()


@asynccontextmanager
async def environment_opened(
    folder: Path, load: Load, *, workers: int
) -> AsyncIterator[Environment]:
    """Open a stack of its own for as long as the block runs."""
    async with AsyncExitStack() as opened:
        postgres, kafka, roads = await _servers(opened, folder, workers)
        stack = Stack(database_url=postgres.url, kafka=kafka.bootstrap_servers, prefix="chaos.")
        await migrate(stack.database_url)
        await create_topics(KafkaClients(stack.kafka, "test"), stack.topics, partitions=PARTITIONS)
        services = opened.enter_context(services_of(stack, folder))
        model = Model(script_of=load.script_of, latency_of=load.latency_of)
        model_url = await opened.enter_async_context(model_served(model))
        door = opened.enter_context(services.door())
        places = [
            _worker(f"worker-{n}", services, model_url=model_url, roads=road)
            for n, road in enumerate(roads)
        ]
        database = await opened.enter_async_context(
            connect(stack.database_url, patience=10, pool_size=5, application_name="chaos")
        )
        environment = Environment(
            stack=stack,
            database=database,
            watch=Watch(database, bootstrap_servers=stack.kafka, group=stack.group),
            postgres=postgres,
            kafka=kafka,
            services=services,
            model=model,
            load=load,
            door=door,
            workers=places,
        )
        yield environment


async def _servers(
    opened: AsyncExitStack, folder: Path, workers: int
) -> tuple[Postgres, Kafka, list[tuple[Proxy, Proxy]]]:
    postgres = Postgres(state_dir=folder / "postgres", durable=False)
    taken = [postgres.port]
    for _ in range(1 + workers):
        taken.append(pick_free_port(but=taken))
    _, kafka_port, *ports = taken
    to_kafka = [await opened.enter_async_context(proxied(port)) for port in ports]
    detours = [
        Detour(port=port, told_port=proxy.port) for port, proxy in zip(ports, to_kafka, strict=True)
    ]
    kafka = Kafka(state_dir=folder / "kafka", port=kafka_port, detours=detours)
    for server in (postgres, kafka):
        server.launch()
        opened.push_async_callback(_ended, server)
    for server in (postgres, kafka):
        await asyncio.to_thread(server.wait_until_ready)
    to_postgres = [await opened.enter_async_context(proxied(postgres.port)) for _ in range(workers)]
    return postgres, kafka, list(zip(to_postgres, to_kafka, strict=True))


async def _ended(server: Server) -> None:
    if server.is_running:
        await asyncio.to_thread(server.kill)


def _worker(
    name: str, services: Services, *, model_url: str, roads: tuple[Proxy, Proxy]
) -> WorkerPlace:
    to_postgres, to_kafka = roads
    orders, begin = beginner(
        services,
        name,
        model_url=model_url,
        database_url=through(to_postgres, services.stack.database_url),
        kafka_bootstrap_servers=f"127.0.0.1:{to_kafka.port}",
        lease_seconds=LEASE_SECONDS,
        drain_seconds=5,
        breaker_seconds=1,
        max_requests_in_flight=20,
    )
    return WorkerPlace(
        name=name, orders=orders, begin=begin, to_postgres=to_postgres, to_kafka=to_kafka
    )
