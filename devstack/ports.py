"""TCP ports of the loopback interface."""

import errno
import random
import socket
from collections.abc import Collection

from devstack.errors import DevstackError

LOOPBACK = "127.0.0.1"
_BACKLOG = 2048
# Below the range that Linux takes for outgoing connections: none of them can steal a port between
# the pick and the start, nor while a server is down and about to come back.
_PICKED_FROM = range(20_000, 32_000)


def pick_free_port(*, but: Collection[int] = ()) -> int:
    """Return a port without a listener, and none of those that are taken already."""
    for port in random.sample(_PICKED_FROM, k=200):
        if port not in but and is_free(port):
            return port
    raise DevstackError(
        f"no free port between {_PICKED_FROM.start} and {_PICKED_FROM.stop}: stop some servers"
    )


def is_free(port: int) -> bool:
    with _server_socket() as candidate:
        try:
            candidate.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def listen(host: str, port: int, *, host_variable: str, port_variable: str) -> socket.socket:
    """Open the socket that several processes will serve on; the variables are those to blame."""
    listener = _server_socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.bind((host, port or pick_free_port()))
        listener.listen(_BACKLOG)
    except (OSError, UnicodeError) as error:  # a label that is too long is no address to Python
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        if _is_about_the_host(error):
            raise DevstackError(f"{host_variable} is {host!r}: {reason}") from error
        raise port_refused(port, variable=port_variable, reason=reason) from error
    return listener


def _is_about_the_host(error: Exception) -> bool:
    if isinstance(error, OSError):
        return isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
    return True


def port_refused(port: int, *, variable: str, reason: str = "it is taken") -> DevstackError:
    """Say that a port cannot be had, and the way out."""
    return DevstackError(
        f"port {port} cannot be used ({reason}): stop what listens there, "
        f"or choose another port with {variable}=<port> ({variable}=0 picks a free one)"
    )


def _server_socket(family: int = socket.AF_INET) -> socket.socket:
    """Open a socket that may take over a port whose last connections are still closing."""
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return opened
