"""Bring the schema up to date: `python -m migrations`."""

import asyncio

from pydantic import Field

from migrations.migrate import MigrationFailed, migrate
from shared.config import DatabaseSettings, DatabaseUrl, load


class MigrationSettings(DatabaseSettings):
    """Where the schema is; the turns of those who migrate belong to a session of the server."""

    migrations_database_url: DatabaseUrl | None = Field(
        None, description="Address of PostgreSQL itself, where DATABASE_URL leads to a pooler."
    )


def main() -> None:
    """Apply what is missing and say what was applied."""
    settings = load(MigrationSettings)
    url = settings.migrations_database_url or settings.database_url
    try:
        applied = asyncio.run(migrate(url))
    except MigrationFailed as error:
        raise SystemExit(str(error)) from None
    for migration in applied:
        print(f"applied {migration.version} {migration.name}")
    if not applied:
        print("the schema is up to date")


main()
