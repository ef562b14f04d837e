"""Start what is measured and what measures it, each in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import Plan
from benchmarks.rounds import Sample
from benchmarks.servers import Stack
from benchmarks.usage import Usage
from devstack.children import Lifetime
from devstack.errors import DevstackError
from devstack.installation import CHECKOUT
from devstack.listeners import Listeners
from devstack.ports import LOOPBACK, listen
from devstack.roster import Role, Roster
from devstack.services import Services
from schemas.states import Priority
from worker_service.claims.scheduler import HIGH_SHARE

INSTANT_WORKER = "benchmarks.instant_worker"
API = "api_service"
BARE_API = "benchmarks.bare"
WORKER = "worker_service"
STREAMER = "benchmarks.token_server"
LISTENERS = "benchmarks.listeners"


@contextmanager
def api(
    stack: Stack, *, processes: int = 1, module: str = API, **settings: Any
) -> Iterator["Served"]:
    """Serve with so many processes on one socket; `settings` are told to them."""
    with _services(stack, settings) as (services, roster):
        with listen(LOOPBACK, 0, host_variable="API_HOST", port_variable="API_PORT") as listener:
            port: int = listener.getsockname()[1]
            url = f"http://{LOOPBACK}:{port}"
            listeners = Listeners(public=listener, admin=None)
            services.start_api(listeners, processes=processes, url=url, module=module)
        services.wait_until_ready()
        yield Served(port, api=Usage(roster.alive(Role.API)), postgres=stack.postgres)


@contextmanager
def worker(stack: Stack, *, module: str = INSTANT_WORKER, **settings: Any) -> Iterator[Usage]:
    """Work with one process, which is told `settings`, and lend what it uses."""
    with _services(stack, settings) as (services, roster):
        services.start_workers(1, module=module)
        services.wait_until_ready()
        yield Usage(roster.alive(Role.WORKER))


@contextmanager
def worker_without_kafka(stack: Stack) -> Iterator[Usage]:
    """Work with one process while Kafka is down, which never calls itself ready."""
    with _services(stack, {}) as (services, roster):
        services.start_workers(1, module=INSTANT_WORKER)
        yield Usage(roster.alive(Role.WORKER))


def slots_for(requests: int) -> int:
    """Return the MAX_REQUESTS_IN_FLIGHT that leaves so many slots to the lane `normal`."""
    return -(-requests * HIGH_SHARE // (HIGH_SHARE - 1))


@contextmanager
def _services(stack: Stack, settings: Mapping[str, Any]) -> Iterator[tuple[Services, Roster]]:
    told = {name.upper(): str(value) for name, value in settings.items()}
    stack.folder.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=stack.folder))
    roster = Roster(folder, drain_seconds=0)
    services = Services(
        environment=stack.environment | told,
        log_dir=folder,
        roster=roster,
        lifetime=Lifetime.TETHERED,
    )
    try:
        yield services, roster
    finally:
        gone = services.find_gone()
        roster.kill()
        if gone:
            raise DevstackError(gone[0])


@dataclass(frozen=True, slots=True)
class Served:
    """Where the API answers, and what it and PostgreSQL use."""

    port: int
    api: Usage
    postgres: Usage


def offer(plan: Plan, served: Served) -> Sample:
    """Offer a load from a process of its own and return what was measured.

    CPU times are for each answer, those to the warm-up included on both sides.

    Raises:
        RuntimeError: an answer was no success.
    """
    api, postgres = served.api.cpu_seconds(), served.postgres.cpu_seconds()
    measured = _answer_of("benchmarks.load", plan.to_json(), environment=os.environ)
    api, postgres = served.api.cpu_seconds() - api, served.postgres.cpu_seconds() - postgres
    wrong = {status for status in measured["statuses"] if status not in {"200", "202", "304"}}
    if wrong:
        raise RuntimeError(f"the server answered {measured['statuses']}")
    return {
        "per_second": measured["per_second"],
        "p50_ms": measured["p50_ms"],
        "p99_ms": measured["p99_ms"],
        "cpu_ms": api / measured["answers"] * 1000,
        "postgres_cpu_ms": postgres / measured["answers"] * 1000,
        "load_cpu_share": measured["cpu_share"],
    }


def sent_by(plan: Plan) -> list[float]:
    """Offer a load with pauses and return when each request was sent, in seconds since 1970."""
    measured = _answer_of("benchmarks.load", plan.to_json(), environment=os.environ)
    sent_at: list[float] = measured["sent_at"]
    return sent_at


def write_bare(stack: Stack, *, entities: int) -> dict[str, Any]:
    """Write entities with the bare driver, in a process of its own."""
    return _answer_of(BARE_API, "--entities", str(entities), environment=stack.environment)


def hop_bare(stack: Stack, *, hops: int) -> list[float]:
    """Send messages through a topic in a process of its own; return the seconds of each."""
    topic = stack.topics.requests[Priority.LOW]
    arguments = ("--hops", str(hops), "--topic", topic)
    answer = _answer_of(BARE_API, *arguments, environment=stack.environment)
    seconds: list[float] = answer["seconds"]
    return seconds


@contextmanager
def token_server() -> Iterator[int]:
    """Stream tokens from a process of its own, and lend its port."""
    command = [sys.executable, "-m", STREAMER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT) as server:
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


def listen_bare(how: str, port: int, *, streams: int, answers: int) -> dict[str, Any]:
    """Listen to streams in a process of its own, and return what that took."""
    arguments = (how, str(port), str(streams), str(answers))
    return _answer_of(LISTENERS, *arguments, environment=os.environ)


def _answer_of(module: str, *arguments: str, environment: Mapping[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", module, *arguments]
    ended = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, env=environment, cwd=CHECKOUT
    )
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer
