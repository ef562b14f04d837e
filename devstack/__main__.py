"""The commands behind `make run`, `make up` and `make dev`: `python -m devstack COMMAND`."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is to be ended while modules load

import argparse
import sys

from dotenv import load_dotenv

from devstack import commands, dev
from devstack.children import leave_with_parent
from devstack.errors import DevstackError
from devstack.installation import CHECKOUT
from devstack.settings import read_settings

_COMMANDS = {"run": commands.run, "up": commands.up, "dev": dev.dev}


def main() -> int:
    """Obey the command line; what goes wrong is one line."""
    arguments = _parse_arguments()
    load_dotenv(CHECKOUT / ".env")
    try:
        commands.take_every_farewell_for_an_interrupt()
        if arguments.with_parent:
            leave_with_parent()
        return _COMMANDS[arguments.command](read_settings())
    except DevstackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return commands.INTERRUPTED


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument(
        "--with-parent", action="store_true", help="leave when the process that started this does"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
