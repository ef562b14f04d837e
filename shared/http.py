"""Serve an ASGI application on a socket of our own, with signals left to the process."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_NO_HTTP = (
    b'{"type":"about:blank","title":"Bad Request","status":400,'
    b'"detail":"this is not a request as HTTP/1.1 has it","code":"bad_request"}'
)
_BACKLOG = 2048
_GRACEFUL_SECONDS = 5


class _Protocol(HttpToolsProtocol):
    """Answer with a problem where no request can be made of what came."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - says the same of everything
        """Answer and close: nobody knows where the next request would begin."""
        head = (
            "HTTP/1.1 400 Bad Request",
            "content-type: application/problem+json",
            "cache-control: no-store",
            f"content-length: {len(_NO_HTTP)}",
            "connection: close",
            "\r\n",
        )
        self.transport.write("\r\n".join(head).encode() + _NO_HTTP)
        self.transport.close()


class Server(uvicorn.Server):
    """A server that ends when `should_exit` is set; it installs no signal handlers."""

    def __init__(self, app: Any) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GRACEFUL_SECONDS,
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: the process decides what they mean."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket; port 0 picks a free one.

    Raises:
        SystemExit: the port cannot be had; the message is one line for the operator.
    """
    try:
        return socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        raise SystemExit(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}"
        ) from None
