"""The command lines of what is told everything by its settings."""

import argparse


def take_no_arguments(module: str, description: str | None) -> None:
    """Show the help that is asked for, and refuse arguments: they would be ignored.

    Raises:
        SystemExit: 0 after the help, 2 for an argument.
    """
    argparse.ArgumentParser(prog=f"python -m {module}", description=description).parse_args()
