"""What the product is measured against: the framework and the driver with nothing around them.

`python -m benchmarks.bare --fd N` serves: a submit with one INSERT, a poll with one SELECT, and a
submit that FastAPI's BackgroundTasks completes after the answer, in the process that accepted it.
`python -m benchmarks.bare --entities N` writes entities, one a commit, on ten connections, and
prints what that took. `python -m benchmarks.bare --hops N` sends messages through a topic, one
after the other, and prints how long each took.
"""

import argparse
import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import uvicorn
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fastapi import BackgroundTasks, FastAPI, HTTPException
from pydantic import BaseModel, Field
from uuid_utils.compat import uuid7

from benchmarks.entity import ENTITY

CONNECTIONS = 10
HOP_PAUSE = 0.04

TABLES = """
CREATE TABLE bare_requests (
    id uuid PRIMARY KEY, entity_type text NOT NULL, requested_count int NOT NULL,
    constraints jsonb NOT NULL, requested_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE bare_entities (
    id uuid PRIMARY KEY, entity jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp())"""

INSERT_REQUEST = """
INSERT INTO bare_requests (id, entity_type, requested_count, constraints) VALUES ($1, $2, $3, $4)
RETURNING requested_at"""

SELECT_REQUEST = """
SELECT id, entity_type, requested_count, constraints, requested_at
  FROM bare_requests WHERE id = $1"""

INSERT_ENTITY = "INSERT INTO bare_entities (id, entity) VALUES ($1, $2)"

ACCEPT = """
INSERT INTO generation_requests
    (id, entity_type, requested_count, constraints, traceparent, deadline_at)
VALUES ($1, $2, $3, $4, '', clock_timestamp() + interval '1 day')
RETURNING requested_at"""

CLAIM = """
UPDATE generation_requests
   SET status = 'processing', epoch = epoch + 1, started_at = clock_timestamp(),
       lease_owner = id, lease_until = clock_timestamp() + interval '30 seconds'
 WHERE id = $1"""

LOCK = "SELECT FROM generation_requests WHERE id = $1 FOR NO KEY UPDATE"

RECORD = """
INSERT INTO generation_items (generation_request_id, ordinal, status, entity, attempts)
VALUES ($1, $2, 'succeeded', $3, 1)"""

SETTLE = """
UPDATE generation_requests
   SET status = 'completed', generated_count = requested_count, completed_at = clock_timestamp(),
       lease_owner = NULL, lease_until = NULL
 WHERE id = $1"""


class Submission(BaseModel):
    """The body of a submit."""

    entity_type: Literal["problem", "sentence", "vocabulary"]
    count: int = Field(ge=1, le=10)
    constraints: dict[str, Any] = {}


class BareRequest(BaseModel):
    """The record of a request."""

    id: UUID
    entity_type: str
    requested_count: int
    constraints: dict[str, Any]
    requested_at: datetime


class Routes:
    """The routes as a tutorial would have them: a pool and a statement."""

    pool: "asyncpg.Pool[asyncpg.Record]"

    def __init__(self, url: str) -> None:
        self._url = url

    @asynccontextmanager
    async def opened(self, _: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(self._url, max_size=CONNECTIONS) as pool:
            self.pool = pool
            yield

    async def ready(self) -> dict[str, str]:
        return {"status": "ok"}

    async def submit(self, submission: Submission) -> BareRequest:
        return await self._inserted(submission, INSERT_REQUEST)

    async def submit_to_background(
        self, submission: Submission, background: BackgroundTasks
    ) -> BareRequest:
        accepted = await self._inserted(submission, ACCEPT)
        background.add_task(self._complete, accepted.id, submission.count)
        return accepted

    async def _inserted(self, submission: Submission, statement: str) -> BareRequest:
        request_id, constraints = uuid7(), json.dumps(submission.constraints)
        asked = (request_id, submission.entity_type, submission.count, constraints)
        return BareRequest(
            id=request_id,
            entity_type=submission.entity_type,
            requested_count=submission.count,
            constraints=submission.constraints,
            requested_at=await self.pool.fetchval(statement, *asked),
        )

    async def _complete(self, request_id: UUID, count: int) -> None:
        await self.pool.execute(CLAIM, request_id)
        for ordinal in range(count):
            async with self.pool.acquire() as connection, connection.transaction():
                await connection.fetchrow(LOCK, request_id)
                await connection.execute(RECORD, request_id, ordinal, json.dumps(ENTITY))
                if ordinal + 1 == count:
                    await connection.execute(SETTLE, request_id)

    async def read(self, request_id: UUID) -> BareRequest:
        row = await self.pool.fetchrow(SELECT_REQUEST, request_id)
        if row is None:
            raise HTTPException(404)
        return BareRequest(**{**row, "constraints": json.loads(row["constraints"])})


def serve(url: str, listening: socket.socket) -> None:
    """Serve as uvicorn does by default, but for the access log."""
    routes = Routes(url)
    app = FastAPI(lifespan=routes.opened)
    app.get("/readyz")(routes.ready)
    app.post("/generation-requests", status_code=202)(routes.submit)
    app.post("/background", status_code=202)(routes.submit_to_background)
    app.get("/generation-requests/{request_id}")(routes.read)
    uvicorn.Server(uvicorn.Config(app, access_log=False)).run(sockets=[listening])


async def write(url: str, entities: int) -> dict[str, float]:
    """Insert entities, one a commit, on ten connections side by side."""
    connections = [await asyncpg.connect(url) for _ in range(CONNECTIONS)]
    left = iter(range(entities))
    content = json.dumps(ENTITY)

    async def insert(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        for _ in left:
            await connection.execute(INSERT_ENTITY, uuid7(), content)

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(insert, connections))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return {"per_second": entities / seconds, "cpu_ms": cpu / entities * 1000}


async def hop(bootstrap_servers: str, topic: str, *, hops: int) -> dict[str, list[float]]:
    """Send messages through a topic and return the seconds from each send to its arrival."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap_servers)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=False
    )
    async with consumer, producer:
        await consumer.seek_to_end()
        taken = []
        for _ in range(hops):
            await asyncio.sleep(HOP_PAUSE)
            begun = time.perf_counter()
            await producer.send(topic, json.dumps(ENTITY).encode())
            await consumer.getone()
            taken.append(time.perf_counter() - begun)
    return {"seconds": taken}


def main() -> None:
    """Serve, write or send, as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bare", description=__doc__)
    parser.add_argument("--fd", type=int, help="an inherited listening TCP socket to serve on")
    parser.add_argument("--entities", type=int, help="entities to write")
    parser.add_argument("--hops", type=int, help="messages to send through --topic")
    parser.add_argument("--topic", help="an empty topic of its own")
    arguments = parser.parse_args()
    url = os.environ["DATABASE_URL"]
    if arguments.fd is not None:
        serve(url, socket.socket(fileno=arguments.fd))
    elif arguments.hops is not None:
        brokers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
        print(json.dumps(uvloop.run(hop(brokers, arguments.topic, hops=arguments.hops))))
    else:
        print(json.dumps(uvloop.run(write(url, arguments.entities))))


if __name__ == "__main__":
    main()
