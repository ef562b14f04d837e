"""Serve the API: `python -m api_service`, or on an inherited socket with `--fd N`."""

from shared.runtime.termination import LEFT_IN_ORDER, leave_at_once_on_signals

if __name__ == "__main__":
    leave_at_once_on_signals(status=LEFT_IN_ORDER)  # before the imports, which take a second

import argparse
import asyncio
import socket

import uvloop

from api_service.app import create_app, opened
from api_service.config import ApiSettings
from shared.config import load
from shared.http.server import Server, listen
from shared.runtime.garbage import collect_seldom
from shared.runtime.logging import configure, get_log
from shared.runtime.loops import on_signals

log = get_log()


def main() -> None:
    """Read the settings, take the socket, serve until told to stop."""
    arguments = _arguments()
    settings = load(ApiSettings)
    configure(settings, service="api")
    listening = (
        listen(
            settings.api_host,
            settings.api_port,
            host_setting="API_HOST",
            port_setting="API_PORT",
        )
        if arguments.fd is None
        else socket.socket(fileno=arguments.fd)
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, listening))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m api_service", description=__doc__)
    parser.add_argument("--fd", type=int, help="an inherited listening TCP socket")
    return parser.parse_args()


async def serve(settings: ApiSettings, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first."""
    async with opened(settings) as context:
        server = Server(create_app(context))
        collect_seldom()

        def stop() -> None:
            context.draining.set()
            server.should_exit = True

        on_signals(stop)
        host, port = listening.getsockname()[:2]
        log.info("service_started", host=host, port=port)
        await server.serve(sockets=[listening])
    log.info("service_stopped")


if __name__ == "__main__":
    main()
