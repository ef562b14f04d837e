"""The API and the workers, as processes of their own."""

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from devstack import processes
from devstack.children import Child, Lifetime, Program
from devstack.errors import DevstackError
from devstack.installation import CHECKOUT
from devstack.listeners import Listeners, port_of
from devstack.ports import LOOPBACK, pick_free_port
from devstack.roster import Role, Roster

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.05
_END_SECONDS = 1.0
_ANY_ADDRESS = {"0.0.0.0": LOOPBACK, "::": "[::1]"}  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process of ours, and the address that tells whether it is ready."""

    name: str
    role: Role
    child: Child
    readiness_url: str


class Services:
    """The services of one stack; `environment` says where its servers are."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        log_dir: Path,
        roster: Roster,
        lifetime: Lifetime,
    ) -> None:
        self._environment = environment
        self._log_dir = log_dir
        self._roster = roster
        self._all: list[Service] = []
        self.launch: Callable[[Program], Child] = partial(Child, lifetime=lifetime)
        """What starts a program."""

    def start_api(
        self, listeners: Listeners, *, processes: int, url: str, module: str = "api_service"
    ) -> None:
        """Start the API, all its processes on the same sockets: the others serve if one dies."""
        given = {"--fd": listeners.public}
        environment = {"API_PORT": str(port_of(listeners.public))}
        if listeners.admin is not None:
            given["--admin-fd"] = listeners.admin
            environment["ADMIN_PORT"] = str(port_of(listeners.admin))
        options = [f"{option}={listener.fileno()}" for option, listener in given.items()]
        for number in range(1, processes + 1):
            program = self._program(
                (module, *options),
                log_name=f"api-{number}",
                environment=environment,
                listeners=given.values(),
            )
            self._start(Role.API, program, readiness_url=f"{url}/readyz")

    def start_workers(self, count: int, *, module: str = "worker_service") -> None:
        """Start the workers, each with a port for its health."""
        host = url_host(self._environment.get("WORKER_HEALTH_HOST", LOOPBACK))
        for number in range(1, count + 1):
            port = pick_free_port()
            program = self._program(
                (module,),
                log_name=f"worker-{number}",
                environment={"WORKER_HEALTH_PORT": str(port)},
            )
            self._start(Role.WORKER, program, readiness_url=f"http://{host}:{port}/readyz")

    @property
    def programs(self) -> list[Program]:
        """What was started."""
        return [service.child.program for service in self._all]

    @property
    def worker_urls(self) -> list[str]:
        """Where the workers answer `/healthz`, `/readyz` and `/metrics`."""
        return [
            service.readiness_url.removesuffix("/readyz")
            for service in self._all
            if service.role is Role.WORKER
        ]

    def wait_until_ready(self) -> None:
        """Return when every service is ready; say what the first that left had to say."""
        deadline = time.monotonic() + _READY_SECONDS
        waiting = list(self._all)
        with httpx.Client(trust_env=False, timeout=2) as client:
            while waiting := [service for service in waiting if not _is_ready(service, client)]:
                if gone := self.find_gone():
                    raise DevstackError(gone[0])
                if time.monotonic() > deadline:
                    raise DevstackError(
                        f"{waiting[0].name} is not ready after {_READY_SECONDS:.0f} s: "
                        f"{waiting[0].child.last_words()} (log: {waiting[0].child.log})"
                    )
                time.sleep(_POLL_SECONDS)

    def end(self) -> None:
        """End every service, at once where it takes its time, and forget it."""
        ended = [service.child.process for service in self._all]
        processes.end(ended, by=signal.SIGTERM, within=_END_SECONDS)
        for service in self._all:
            service.child.reap()
        self._roster.drop(ended)
        self._all.clear()

    def find_gone(self) -> list[str]:
        """Return a line about each service that has left."""
        return [
            f"{service.name} left with status {service.child.status}: "
            f"{service.child.last_words()} (log: {service.child.log})"
            for service in self._all
            if service.child.status is not None
        ]

    def _program(
        self,
        module: tuple[str, ...],
        *,
        log_name: str,
        environment: Mapping[str, str],
        listeners: Iterable[socket.socket] = (),
    ) -> Program:
        return Program(
            command=(sys.executable, "-m", *module),
            log=self._log_dir / f"{log_name}.log",
            env={**self._environment, **environment},
            cwd=CHECKOUT,
            pass_fds=tuple(listener.fileno() for listener in listeners),
        )

    def _start(self, role: Role, program: Program, *, readiness_url: str) -> None:
        child = self.launch(program)
        self._roster.add(role, child.process)
        self._all.append(
            Service(name=program.log.stem, role=role, child=child, readiness_url=readiness_url)
        )


def url_host(bound_to: str) -> str:
    """Return how a URL on this machine names the address that a server is bound to."""
    named = _ANY_ADDRESS.get(bound_to, bound_to)
    return f"[{named}]" if ":" in named and not named.startswith("[") else named


def _is_ready(service: Service, client: httpx.Client) -> bool:
    """Ask it; the API also says when it serves without Kafka, which is no way to begin."""
    if service.child.status is not None:
        return False
    try:
        answer = client.get(service.readiness_url)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and '"degraded"' not in answer.text
