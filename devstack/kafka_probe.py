"""Ask a Kafka broker whether it is ready for work."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

_SECONDS = 5.0
_GROUP = "devstack-readiness"
Answer = TypeVar("Answer")


def is_serving(bootstrap_servers: str, *, cluster_id: str) -> bool:
    """Tell whether this very cluster answers, and coordinates groups: the last thing it learns."""

    async def ask(admin: AIOKafkaAdminClient) -> bool:
        if (await admin.describe_cluster())["cluster_id"] != cluster_id:
            return False
        await admin.list_consumer_group_offsets(_GROUP)
        return True

    return _is_listening(bootstrap_servers) and _ask(bootstrap_servers, ask) is True


def _ask(
    bootstrap_servers: str, question: Callable[[AIOKafkaAdminClient], Coroutine[Any, Any, Answer]]
) -> Answer | None:
    """Put a question to the broker; None when it is not up to an answer.

    In a thread of its own, so that the caller may have an event loop running.
    """

    async def ask() -> Answer | None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
        try:
            async with asyncio.timeout(_SECONDS):
                await admin.start()
                return await question(admin)
        except (KafkaError, OSError):
            return None
        finally:
            await admin.close()

    with _silence(), ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, ask()).result()


def _is_listening(bootstrap_servers: str) -> bool:
    host, _, port = bootstrap_servers.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_SECONDS).close()
    except OSError:
        return False
    return True


@contextmanager
def _silence() -> Iterator[None]:
    """Keep aiokafka's complaints about a broker that is still starting to itself."""
    log = logging.getLogger("aiokafka")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)
