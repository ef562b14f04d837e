"""Serve the API: `python -m api_service`, or on inherited sockets with `--fd` and `--admin-fd`."""

from shared.runtime.termination import LEFT_IN_ORDER, leave_at_once_on_signals

if __name__ == "__main__":
    leave_at_once_on_signals(status=LEFT_IN_ORDER)  # before the imports, which take a second

import argparse
import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvloop

from api_service.app import create_app, create_operators_app, opened
from api_service.config import ApiSettings
from api_service.context import AppContext
from shared.config import load
from shared.http.server import Server, listen
from shared.runtime.garbage import collect_seldom
from shared.runtime.logging import configure, get_log
from shared.runtime.loops import on_signals

log = get_log()


def main() -> None:
    """Read the settings, take the sockets, serve until told to stop."""
    arguments = _arguments()
    settings = load(ApiSettings)
    configure(settings, service="api")
    public = _public_socket(settings, arguments.fd)
    admin = _admin_socket(settings, arguments.admin_fd)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, public, admin))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m api_service", description=__doc__)
    parser.add_argument("--fd", type=int, help="an inherited listening TCP socket")
    parser.add_argument("--admin-fd", type=int, help="the same for the routes of ADMIN_PORT")
    return parser.parse_args()


def _public_socket(settings: ApiSettings, inherited: int | None) -> socket.socket:
    if inherited is not None:
        return socket.socket(fileno=inherited)
    return listen(
        settings.api_host, settings.api_port, host_setting="API_HOST", port_setting="API_PORT"
    )


def _admin_socket(settings: ApiSettings, inherited: int | None) -> socket.socket | None:
    if settings.admin_port is None:
        if inherited is not None:
            raise SystemExit("wrong setting: ADMIN_PORT: is not set, but --admin-fd is given")
        return None
    if inherited is not None:
        return socket.socket(fileno=inherited)
    return listen(
        settings.admin_host,
        settings.admin_port,
        host_setting="ADMIN_HOST",
        port_setting="ADMIN_PORT",
    )


async def serve(
    settings: ApiSettings, public: socket.socket, admin: socket.socket | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first."""
    async with opened(settings) as context:
        server = Server(create_app(context))

        def stop() -> None:
            context.draining.set()
            server.should_exit = True

        async with _serving_operators(context, admin, stop=stop):
            collect_seldom()
            on_signals(stop)
            log.info("service_started", **_addresses(public, admin))
            await server.serve(sockets=[public])
    log.info("service_stopped")


@asynccontextmanager
async def _serving_operators(
    context: AppContext, listening: socket.socket | None, *, stop: Callable[[], None]
) -> AsyncIterator[None]:
    """Serve `ADMIN_PORT` for as long as the block runs, so that a drain can be seen there.

    A server that ends by itself stops the process.
    """
    if listening is None:
        yield
        return
    server = Server(create_operators_app(context))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    serving.add_done_callback(lambda _: stop())
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _addresses(public: socket.socket, admin: socket.socket | None) -> dict[str, str | int]:
    host, port = public.getsockname()[:2]
    if admin is None:
        return {"host": host, "port": port}
    admin_host, admin_port = admin.getsockname()[:2]
    return {"host": host, "port": port, "admin_host": admin_host, "admin_port": admin_port}


if __name__ == "__main__":
    main()
