"""A program that waits for a server ends at the first signal, in a container too.

The server of these tests takes the connection and says nothing: its `accept` tells that the
program has come as far as its wait.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
AS_FIRST = ("unshare", "--pid", "--fork", "--kill-child")
SERVICES = ("api_service", "worker_service", "api_service.relay")
TOOLS = ("migrations", "shared.kafka.topics")
ENDED = {**dict.fromkeys(SERVICES, 0), **dict.fromkeys(TOOLS, 128 + signal.SIGTERM)}
SECONDS = 5.0


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


@contextmanager
def waiting(
    module: str, silent: socket.socket, before: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program and lend it once it waits for the server."""
    address = f"127.0.0.1:{silent.getsockname()[1]}"
    told = {
        "DATABASE_URL": f"postgresql://{address}/none",
        "KAFKA_BOOTSTRAP_SERVERS": address,
        "WORKER_HEALTH_PORT": "0",
        "API_PORT": "0",
        "PATH": os.environ["PATH"],
    }
    command = [*before, sys.executable, "-m", module]
    with subprocess.Popen(command, cwd=CHECKOUT, env=told, stderr=subprocess.PIPE) as program:
        connection, _ = silent.accept()
        with connection:
            yield program
            program.kill()


@pytest.mark.parametrize("module", ENDED)
def test_a_program_that_waits_ends_at_once(module: str, silent: socket.socket):
    with waiting(module, silent) as program:
        program.send_signal(signal.SIGTERM)
        _, said = program.communicate(timeout=SECONDS)

    assert (program.returncode, said) == (ENDED[module], b"")


@pytest.mark.skipif(
    subprocess.run([*AS_FIRST, "true"], capture_output=True, check=False).returncode != 0,
    reason="a namespace of processes may not be made here",
)
@pytest.mark.parametrize("module", ["api_service", "worker_service", "migrations"])
def test_the_first_process_of_a_container_that_waits_ends_at_once(
    module: str, silent: socket.socket
):
    with waiting(module, silent, AS_FIRST) as program:
        children = Path(f"/proc/{program.pid}/task/{program.pid}/children")
        (first,) = children.read_text(encoding="ascii").split()
        os.kill(int(first), signal.SIGTERM)
        _, said = program.communicate(timeout=SECONDS)

    assert (program.returncode, said) == (ENDED[module], b"")
