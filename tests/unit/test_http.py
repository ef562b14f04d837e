"""Where a service listens, and what it says when it cannot."""

import socket

import pytest

from shared.http.server import listen

NAMES = {"host_setting": "API_HOST", "port_setting": "API_PORT"}


@pytest.mark.parametrize(
    ("host", "reached_at"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1"), ("localhost", "127.0.0.1")],
)
def test_an_address_of_either_family_can_be_listened_on(host: str, reached_at: str):
    with listen(host, 0, **NAMES) as listening:
        port = listening.getsockname()[1]
        socket.create_connection((reached_at, port), timeout=5).close()


def test_a_port_that_is_taken_is_one_line_that_names_its_setting():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as left:
            listen("127.0.0.1", port, **NAMES)

    expected = f"wrong setting: API_PORT: cannot listen on '127.0.0.1', port {port}: Address"
    assert str(left.value).startswith(expected)


@pytest.mark.parametrize("host", ["192.0.2.1", "host.invalid", "a" * 64, "[::1]"])
def test_a_host_that_is_not_of_this_machine_is_one_line_that_names_its_setting(host: str):
    with pytest.raises(SystemExit) as left:
        listen(host, 0, **NAMES)

    assert str(left.value).startswith(f"wrong setting: API_HOST: cannot listen on '{host}', port 0")
    assert "Unknown error" not in str(left.value)
    assert "\n" not in str(left.value)
