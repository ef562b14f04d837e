"""Bring the schema up to date: `python -m migrations`."""

from shared.runtime.termination import leave_at_once_on_signals

if __name__ == "__main__":
    leave_at_once_on_signals()  # PostgreSQL rolls a migration back whose connection ends

import asyncio
import sys
from functools import partial

from migrations.migrate import MigrationFailed, migrate
from migrations.settings import MigrationSettings
from shared.config import load
from shared.runtime.arguments import take_no_arguments


def main() -> None:
    """Apply what is missing and say what was applied."""
    take_no_arguments("migrations", __doc__)
    settings = load(MigrationSettings)
    try:
        applied = asyncio.run(
            migrate(settings.url, password=settings.password, tell=partial(print, file=sys.stderr))
        )
    except MigrationFailed as error:
        raise SystemExit(str(error)) from None
    for migration in applied:
        print(f"applied {migration.version} {migration.name}")
    if not applied:
        print("the schema is up to date")


if __name__ == "__main__":
    main()
