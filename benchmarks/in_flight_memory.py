"""Measure what a request in flight costs a worker: `python -m benchmarks.in_flight_memory`.

A worker of its own on servers of its own is given more and more requests whose calls do not
return; its resident memory is read when it reports that all of them are in flight.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx

from devstack import kafka, postgres
from migrations.migrate import migrate
from shared.topics import Topics, create_topics

STEPS = (0, 1_000, 2_000, 4_000, 8_000)
HEALTH_PORT = 18_731
SUBMIT = """
INSERT INTO generation_requests
    (id, entity_type, requested_count, traceparent, not_before, deadline_at)
SELECT gen_random_uuid(), 'sentence', 1, '', clock_timestamp() - interval '1 hour',
       clock_timestamp() + interval '1 hour'
  FROM generate_series(1, $1)"""


async def main() -> None:
    """Print the resident memory at each step, and what a thousand requests add."""
    with tempfile.TemporaryDirectory() as folder, _servers(Path(folder)) as (url, brokers):
        await migrate(url)
        await create_topics(brokers, Topics.with_prefix(""), partitions=3)
        with _worker(url, brokers) as worker:
            sizes = [await _resident_at(step, url, worker) for step in STEPS]
    for step, size in zip(STEPS, sizes, strict=True):
        per_thousand = (size - sizes[0]) / step * 1000 if step else 0
        print(f"{step:>6} in flight: {size:6.1f} MB, {per_thousand:5.2f} MB per thousand")


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[str, str]]:
    database = postgres.start(state_dir=folder, durable=False)
    broker = kafka.start(state_dir=folder)
    try:
        yield database.url, broker.bootstrap_servers
    finally:
        broker.stop()
        database.stop()


@contextmanager
def _worker(url: str, brokers: str) -> Iterator[subprocess.Popen[bytes]]:
    settings = {
        "DATABASE_URL": url,
        "KAFKA_BOOTSTRAP_SERVERS": brokers,
        "MAX_REQUESTS_IN_FLIGHT": str(max(STEPS)),
        "DEMO_LATENCY_SECONDS": "3600",
        "WORKER_HEALTH_PORT": str(HEALTH_PORT),
        "LOG_LEVEL": "error",
    }
    worker = subprocess.Popen([sys.executable, "-m", "worker_service"], env=os.environ | settings)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


async def _resident_at(step: int, url: str, worker: "subprocess.Popen[bytes]") -> float:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{HEALTH_PORT}") as health:
        connection = await asyncpg.connect(url)
        row = await connection.fetchval("SELECT count(*) FROM generation_requests")
        await connection.execute(SUBMIT, step - row)
        await connection.close()
        while await _in_flight(health) < step:
            await asyncio.sleep(0.2)
    status = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kilobytes) / 1024


async def _in_flight(health: httpx.AsyncClient) -> int:
    try:
        state: dict[str, int] = (await health.get("/readyz")).json()
    except httpx.TransportError:
        return -1
    return state["requests_in_flight"]


if __name__ == "__main__":
    asyncio.run(main())
