"""The settings of the command that migrates."""

from collections.abc import Callable

from pydantic import Field

from shared.config import DatabaseSettings, DatabaseUrl, has_password


class MigrationSettings(DatabaseSettings):
    """Where the schema is; the turns of those who migrate belong to a session of the server."""

    migrations_database_url: DatabaseUrl | None = Field(
        None, description="Address of PostgreSQL itself, where DATABASE_URL leads to a pooler."
    )

    @property
    def url(self) -> str:
        """The address to migrate at."""
        return self.migrations_database_url or self.database_url

    @property
    def password(self) -> Callable[[], str] | None:
        """What reads the password of that address, where it has none of its own."""
        return None if has_password(self.url) else self.database_password
