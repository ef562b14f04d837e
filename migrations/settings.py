"""The settings of the command that migrates."""

from pydantic import Field

from shared.config import DatabaseSettings, DatabaseUrl


class MigrationSettings(DatabaseSettings):
    """Where the schema is; the turns of those who migrate belong to a session of the server."""

    migrations_database_url: DatabaseUrl | None = Field(
        None, description="Address of PostgreSQL itself, where DATABASE_URL leads to a pooler."
    )
