"""Bring the schema of DATABASE_URL up to date: `python -m migrations`."""

import asyncio

from migrations.migrate import MigrationFailed, migrate
from shared.config import DatabaseSettings, load


def main() -> None:
    """Apply what is missing and say what was applied."""
    settings = load(DatabaseSettings)
    try:
        applied = asyncio.run(migrate(settings.database_url))
    except MigrationFailed as error:
        raise SystemExit(str(error)) from None
    for migration in applied:
        print(f"applied {migration.version} {migration.name}")
    if not applied:
        print("the schema is up to date")


main()
