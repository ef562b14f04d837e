"""Bring the schema up to date: `python -m migrations`."""

from shared.runtime.termination import leave_at_once_on_signals

if __name__ == "__main__":
    leave_at_once_on_signals()  # PostgreSQL rolls a migration back whose connection ends

import asyncio

from migrations.migrate import MigrationFailed, migrate
from migrations.settings import MigrationSettings
from shared.config import load


def main() -> None:
    """Apply what is missing and say what was applied."""
    settings = load(MigrationSettings)
    try:
        applied = asyncio.run(migrate(settings.url, password=settings.password))
    except MigrationFailed as error:
        raise SystemExit(str(error)) from None
    for migration in applied:
        print(f"applied {migration.version} {migration.name}")
    if not applied:
        print("the schema is up to date")


if __name__ == "__main__":
    main()
