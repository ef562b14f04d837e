"""The stack in containers, as `docker compose up` starts it; where a Docker engine answers."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.client import read, settled, submit
from tests.support.compose import ComposedStack, Container, composed_stack, skip_unless
from tests.support.waiting import eventually

_SETTINGS = {
    "demo_latency_seconds": 2,
    "drain_seconds": 20,
    "lease_seconds": 4,
    "max_parallel_items_per_request": 1,
}
_WHAT_IS_INSIDE = """
import importlib.util, json, os
print(json.dumps({
    "files": sorted(os.listdir()),
    "installers": [name for name in ("pip", "setuptools", "wheel", "pytest")
                   if importlib.util.find_spec(name)],
    "user": os.getuid(),
    "writable": [path for path in ("/", "/app", "/tmp", "/opt/venv") if os.access(path, os.W_OK)],
}))
"""


@pytest.fixture
def composed(tmp_path: Path) -> Iterator[ComposedStack]:
    skip_unless(["docker", "compose", "version"], ["docker", "info"])
    with composed_stack(tmp_path, **_SETTINGS) as stack:
        yield stack


async def test_the_stack_outlives_a_killed_worker_stops_in_order_and_leaves_nothing(
    composed: ComposedStack,
):
    composed.compose("up", "--build", "--detach")
    async with httpx.AsyncClient(base_url=composed.api_url, timeout=20) as api:
        await _healthy(composed, "api", "worker")
        assert (await settled(api, await submit(api), within=60))["status"] == "completed"

        composed.compose("up", "--detach", "--no-recreate", "--scale=worker=3")
        workers = await _healthy(composed, *3 * ["worker"])

        path = await submit(api, count=3)
        killed = await eventually(lambda: _owner(workers, path), within=60)
        killed.kill_the_process()
        assert (await settled(api, path, within=120))["status"] == "completed"
        await eventually(lambda: killed.restarts() == 1, within=60)
        await _healthy(composed, *3 * ["worker"])

        path = await submit(api, count=10)
        await eventually(lambda: _owner(workers, path), within=60)
        composed.compose("stop", "worker")
        assert (await read(api, path))["status"] == "pending"

    composed.compose("stop", "api")
    stopped = composed.containers("api", "worker")
    assert [container.exit_status for container in stopped] == 4 * [0]
    assert all(container.log()[-1]["event"] == "service_stopped" for container in stopped)

    composed.compose("down", "--volumes")
    assert composed.leftovers() == []


@pytest.mark.parametrize(
    ("service", "packages"),
    [
        ("api", ["api_service", "migrations", "schemas", "shared"]),
        ("worker", ["demo_provider", "schemas", "shared", "worker_service"]),
    ],
)
def test_an_image_holds_what_its_service_runs_and_lets_no_user_write(
    composed: ComposedStack, service: str, packages: list[str]
):
    asked = ("--no-deps", "--rm", "--no-TTY", "--entrypoint=python", service)
    composed.compose("build", "--quiet", service)
    told = json.loads(composed.compose("run", *asked, "-c", _WHAT_IS_INSIDE))

    assert told == {"files": packages, "installers": [], "user": 10001, "writable": []}


async def _healthy(composed: ComposedStack, *services: str) -> list[Container]:
    """Wait until these and no others of their services are healthy, and return them."""

    def ready() -> list[Container]:
        found = composed.containers(*{*services})
        healthy = [container.service for container in found if container.health == "healthy"]
        return found if sorted(healthy) == sorted(services) else []

    found: list[Container] = await eventually(ready, within=180, what=f"{services} are healthy")
    return found


def _owner(workers: list[Container], path: str) -> Container | None:
    """Return the worker that has claimed the request."""
    request_id = path.rpartition("/")[2]
    claim = ("request_claimed", request_id)
    for worker in workers:
        if any((line["event"], line.get("request_id")) == claim for line in worker.log()):
            return worker
    return None
