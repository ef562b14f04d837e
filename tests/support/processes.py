"""The services as processes of their own, as they are deployed."""

import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from devstack.ports import pick_free_port
from shared.http.server import listen
from tests.stack import Stack
from tests.support.waiting import eventually

_CHECKOUT = Path(__file__).parents[2]
_START_SECONDS = 90.0


@dataclass
class Service:
    """A running service: where it answers, and how to end it."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    async def ready(self) -> None:
        async with httpx.AsyncClient() as client:

            async def is_ready() -> bool:
                assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
                try:
                    return (await client.get(f"{self.url}/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(is_ready, within=_START_SECONDS, what=f"{self.log.name} is ready")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def exit_status(self, *, within: float = 20.0) -> int:
        await eventually(lambda: self.process.poll() is not None, within=within)
        return self.process.returncode


@dataclass(frozen=True, slots=True)
class Door:
    """A listening socket that several API processes share; it stays when they go."""

    listening: socket.socket

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"


@dataclass
class Services:
    """Start services on a stack; whatever still runs when the test ends is killed."""

    stack: Stack
    folder: Path
    cleanup: ExitStack
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def worker(self, **settings: Any) -> Service:
        service = self.start_worker("worker_service", **settings)
        await service.ready()
        return service

    def start_worker(self, module: str, **settings: Any) -> Service:
        """Start a worker and do not wait until it is ready; it may die before."""
        port = pick_free_port()
        return self._start(
            f"worker-{next(self.numbers)}",
            [module],
            f"http://127.0.0.1:{port}",
            {"worker_health_port": port, "kafka_group_id": self.stack.group, **settings},
        )

    @contextmanager
    def door(self) -> Iterator[Door]:
        """Lend a socket for API processes to share."""
        with listen("127.0.0.1", 0) as listening:
            listening.set_inheritable(True)
            yield Door(listening)

    def api(self, door: Door, *, admin: Door | None = None, **settings: Any) -> Service:
        """Start an API process behind a door and do not wait until it is ready.

        `admin` is the door of the operators' routes; `admin_port` must be among the settings then.
        """
        doors = {"--fd": door} if admin is None else {"--fd": door, "--admin-fd": admin}
        fds = {option: each.listening.fileno() for option, each in doors.items()}
        options = [f"{option}={fd}" for option, fd in fds.items()]
        name = f"api-{next(self.numbers)}"
        return self._start(name, ["api_service", *options], door.url, settings, *fds.values())

    async def apis(self, count: int, **settings: Any) -> list[Service]:
        """Start API processes that share one listening socket."""
        with self.door() as door:
            started = [self.api(door, **settings) for _ in range(count)]
        for service in started:
            await service.ready()
        return started

    def _start(
        self, name: str, module: list[str], url: str, settings: dict[str, Any], *fds: int
    ) -> Service:
        log = self.folder / f"{name}.log"
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=_CHECKOUT,
            env=os.environ | self._environment(settings),
            stdout=self.cleanup.enter_context(log.open("wb")),
            stderr=subprocess.STDOUT,
            pass_fds=fds,
        )
        self.cleanup.callback(process.wait)
        self.cleanup.callback(process.kill)
        return Service(process, url, log)

    def _environment(self, settings: dict[str, Any]) -> dict[str, str]:
        told = {
            "database_url": self.stack.database_url,
            "kafka_bootstrap_servers": self.stack.kafka,
            "kafka_topic_prefix": self.stack.prefix,
            "lease_seconds": 4,
            "log_format": "json",
            **settings,
        }
        return {name.upper(): str(value) for name, value in told.items()}


@contextmanager
def services_of(stack: Stack, folder: Path) -> Iterator[Services]:
    with ExitStack() as cleanup:
        yield Services(stack, folder, cleanup)
