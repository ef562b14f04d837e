"""The operators' routes on a port of their own, served by processes as they are deployed."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.ports import LOOPBACK, pick_free_port
from shared.http.error_responses import MAX_HEAD_BYTES
from shared.postgres.database import Database
from tests.integration.test_dead_letter_routes import a_failed_request
from tests.support.api import problem_of
from tests.support.nginx import an_nginx, documented_locations
from tests.support.processes import Services
from tests.support.waiting import eventually

PREFIX = "/v1"
*_, PROXIED = documented_locations()
OPERATORS = ("/metrics", "/dead-letters")
NOWHERE = {"DATABASE_URL": "postgresql://h/n", "KAFKA_BOOTSTRAP_SERVERS": "h:1"}
COUNTED = 'generation_http_requests_total{method="GET",route="/livez",status="200"}'
UNFINISHED = (
    b"POST /generation-requests HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n"
    b"Content-Type: application/json\r\n"
    b"Expect: 100-continue\r\n\r\n"
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def url_of(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


async def statuses(url: str, *paths: str) -> list[int]:
    async with httpx.AsyncClient(base_url=url) as client:
        return [(await client.get(path)).status_code for path in paths]


async def test_each_port_serves_its_own_routes_and_no_others(services: Services):
    admin = url_of(port := pick_free_port())
    with services.door() as door:
        service = services.api(door, admin_port=port, api_prefix=PREFIX)
    public = service.url = f"{service.url}{PREFIX}"
    await service.ready()

    assert await statuses(public, *OPERATORS, f"/dead-letters/{'0' * 36}") == [404, 404, 404]
    assert await statuses(admin, *OPERATORS) == [200, 200]
    assert await statuses(admin, "/generation-requests", "/v1/generation-requests") == [404, 404]
    for url in (public, admin):
        assert await statuses(url, "/livez", "/readyz", "/docs", "/openapi.json") == [200] * 4
    async with httpx.AsyncClient() as client:
        problem_of(await client.get(f"{public}/metrics"), 404)
        document = (await client.get(f"{admin}/openapi.json")).json()
    assert document["servers"] == [{"url": "/"}]


async def test_processes_that_share_the_public_port_share_the_other_one_too(services: Services):
    with services.door() as door, services.door() as admin:
        port = admin.listening.getsockname()[1]
        started = [services.api(door, admin=admin, admin_port=port) for _ in range(2)]
        url = admin.url
    for service in started:
        await service.ready()
    for service in started:
        assert await statuses(url, *OPERATORS, "/readyz") == [200, 200, 200]
        service.send(signal.SIGTERM)
        assert await service.exit_status() == 0


async def test_each_of_several_processes_can_be_scraped_on_a_port_of_its_own(services: Services):
    ports = [pick_free_port(), pick_free_port()]
    with services.door() as door:
        started = [services.api(door, admin_port=port) for port in ports]
    for service, port in zip(started, ports, strict=True):
        service.url = url_of(port)  # the other one would answer on the public port too
        await service.ready()
    first, second = (url_of(port) for port in ports)
    await statuses(first, "/livez")
    async with httpx.AsyncClient() as client:
        scrapes = [(await client.get(f"{url}/metrics")).text for url in (first, second)]

    assert [COUNTED in text for text in scrapes] == [True, False]


async def test_a_drain_can_be_seen_on_the_port_of_the_operators(services: Services):
    admin = url_of(port := pick_free_port())
    with services.door() as door:
        service = services.api(door, admin_port=port)
        await service.ready()
        answers, held = await asyncio.open_connection(*door.listening.getsockname())
    held.write(UNFINISHED)
    assert await answers.readexactly(len(CONTINUE)) == CONTINUE  # so the request is in work
    service.send(signal.SIGTERM)

    async with httpx.AsyncClient() as client:

        async def tells() -> bool:
            answer = await client.get(f"{admin}/readyz")
            return (answer.status_code, answer.json()["status"]) == (503, "draining")

        await eventually(tells, within=3)
    assert await service.exit_status() == 0
    held.close()


async def test_a_head_is_bounded_on_the_port_of_the_operators_too(services: Services):
    port = pick_free_port()
    with services.door() as door:
        service = services.api(door, admin_port=port)
    await service.ready()
    async with httpx.AsyncClient(headers={"X": "a" * MAX_HEAD_BYTES}) as client:
        answer = await client.get(f"{url_of(port)}/livez")

    assert (answer.status_code, answer.json()["code"]) == (431, "head_too_large")


async def test_a_dead_letter_is_there_and_leads_to_the_request_where_callers_reach_it(
    services: Services, database: Database
):
    request_id = await a_failed_request(database)
    admin = url_of(port := pick_free_port())
    told: dict[str, Any] = {"api_prefix": PREFIX, "public_url": "https://api.example/quiz"}
    with services.door() as door:
        service = services.api(door, admin_port=port, **told)
    service.url += PREFIX
    await service.ready()
    async with httpx.AsyncClient(base_url=admin) as client:
        (listed,) = (await client.get("/dead-letters")).json()["data"]
        read = await client.get(listed["urls"]["self"])

    assert read.json()["urls"] == listed["urls"]
    assert listed["urls"] == {
        "self": f"/dead-letters/{listed['id']}",
        "request": f"https://api.example/quiz/v1/generation-requests/{request_id}",
    }


@pytest.mark.parametrize(("allowed", "status"), [("127.0.0.1", 200), ("10.0.0.0/8", 403)])
async def test_operators_reach_it_through_a_proxy_that_knows_their_addresses(
    services: Services, database: Database, tmp_path: Path, allowed: str, status: int
):
    await a_failed_request(database)
    port, admin_port = pick_free_port(), pick_free_port()
    with services.door() as door:
        service = services.api(door, admin_port=admin_port, trusted_proxies=LOOPBACK)
    await service.ready()
    location = PROXIED.replace("10.0.0.0/8", allowed)
    async with (
        an_nginx(location, port=port, upstream=url_of(admin_port), folder=tmp_path),
        httpx.AsyncClient(base_url=url_of(port)) as client,
    ):
        page = await client.get("/operators/dead-letters")
        assert page.status_code == status
        if status == 200:
            path = page.json()["data"][0]["urls"]["self"]
            assert path.startswith("/operators/dead-letters/")
            assert (await client.get(path)).status_code == 200


def complaint_of(*options: str, **settings: int) -> str:
    """Start an API that cannot serve, and return what it says; its exit status must be 1."""
    told = {name.upper(): str(value) for name, value in settings.items()}
    left = subprocess.run(
        [sys.executable, "-m", "api_service", *options],
        env=os.environ | NOWHERE | told,
        capture_output=True,
        text=True,
        check=False,
    )
    assert left.returncode == 1, left.stderr
    return left.stderr


def test_a_port_that_is_taken_is_one_line_that_names_its_setting():
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        said = complaint_of(api_port=0, admin_port=port)

    expected = f"wrong setting: ADMIN_PORT: cannot listen on '{LOOPBACK}', port {port}: Address"
    assert said.startswith(expected)
    assert said.count("\n") == 1


def test_the_port_of_the_api_is_refused_in_one_line():
    port = pick_free_port()
    said = complaint_of(api_port=port, admin_port=port)

    assert said.startswith(f"wrong setting: ADMIN_PORT is that of the API, {port}: choose another")
    assert said.count("\n") == 1


def test_a_socket_for_routes_that_have_no_port_is_refused_in_one_line():
    said = complaint_of("--admin-fd=3", api_port=0)

    assert said == "wrong setting: ADMIN_PORT: is not set, but --admin-fd is given\n"
