"""The servers in containers, for `TEST_STACK=containers`.

The images are those of compose.yaml. PostgreSQL comes from testcontainers' module; Kafka is told
what compose.yaml tells it, and its own address before it starts (testcontainers' own Kafka module
runs another vendor's scripts).
"""

import os
from contextlib import ExitStack

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from devstack.ports import pick_free_port
from devstack.postgres import FORGETFUL, MAX_CONNECTIONS
from tests.support.compose import EXAMPLE, SERVICES

_LISTENER = 9092


def start(stack: ExitStack) -> tuple[str, str]:
    """Start both, to be stopped with the stack; return their addresses."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    return _postgres(stack), _kafka(stack)


def _postgres(stack: ExitStack) -> str:
    settings = {"max_connections": MAX_CONNECTIONS} | FORGETFUL
    switches = [f"-c {name}={value}" for name, value in settings.items()]
    container = PostgresContainer(EXAMPLE["POSTGRES_IMAGE"], driver=None)
    container.with_command(f"postgres {' '.join(switches)}")
    url: str = stack.enter_context(container).get_connection_url()
    return url


def _kafka(stack: ExitStack) -> str:
    port = pick_free_port()
    container = DockerContainer(EXAMPLE["KAFKA_IMAGE"]).with_bind_ports(_LISTENER, port)
    advertised = {"KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}"}
    for name, value in (SERVICES["kafka"]["environment"] | advertised).items():
        container = container.with_env(name, value)
    container.waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    stack.enter_context(container)
    return f"127.0.0.1:{port}"
