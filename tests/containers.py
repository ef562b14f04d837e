"""The servers in containers, for `TEST_STACK=containers`.

PostgreSQL comes from testcontainers' module; Kafka is the official image, told its own address
before it starts (testcontainers' own Kafka module runs another vendor's scripts).
"""

import os
import socket
from contextlib import ExitStack, closing

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

POSTGRES_IMAGE = "postgres:17"
KAFKA_IMAGE = "apache/kafka:4.3.1"
_LISTENER = 9092


def start(stack: ExitStack) -> tuple[str, str]:
    """Start both, to be stopped with the stack; return their addresses."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    postgres = stack.enter_context(PostgresContainer(POSTGRES_IMAGE, driver=None))
    url: str = postgres.get_connection_url()
    return url, _kafka(stack)


def _kafka(stack: ExitStack) -> str:
    port = _free_port()
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(_LISTENER, port)
    for name, value in _kafka_settings(port).items():
        container = container.with_env(name, value)
    container.waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    stack.enter_context(container)
    return f"127.0.0.1:{port}"


def _kafka_settings(port: int) -> dict[str, str]:
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{_LISTENER},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port: int = listening.getsockname()[1]
        return port
