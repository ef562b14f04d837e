"""Serve an ASGI application on a socket of our own, with signals left to the process."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from shared.http.protocol import Protocol

_BACKLOG = 2048
_GRACEFUL_SECONDS = 5


class Server(uvicorn.Server):
    """A server that ends when `should_exit` is set; it installs no signal handlers."""

    def __init__(self, app: Any) -> None:
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACEFUL_SECONDS,
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: the process decides what they mean."""
        yield


def listen(
    host: str, port: int, *, host_setting: str = "the host", port_setting: str = "the port"
) -> socket.socket:
    """Listen on a TCP socket; port 0 picks a free one, `::` takes IPv4 along.

    Raises:
        SystemExit: the address cannot be had; the message is one line for the operator that names
            the setting to blame.
    """
    wrong = f"wrong setting: {{}}: cannot listen on {host!r}, port {port}: {{}}"
    try:
        family, address = _resolve(host, port)
    except (OSError, UnicodeError) as error:  # a label that is too long is no address to Python
        reason = error.strerror if isinstance(error, OSError) else error
        raise SystemExit(wrong.format(host_setting, reason)) from None
    try:
        return socket.create_server(
            address,
            family=family,
            backlog=_BACKLOG,
            dualstack_ipv6=family is socket.AF_INET6 and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        named = host_setting if error.errno == errno.EADDRNOTAVAIL else port_setting
        raise SystemExit(wrong.format(named, os.strerror(error.errno or 0))) from None


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """Look the host up; a name of both families, such as localhost, is meant as IPv4."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, _, _, _, address = min(found, key=lambda entry: entry[0] is not socket.AF_INET)
    return family, address
