"""A pooler, such as PgBouncer, between the services and PostgreSQL.

In its transaction mode each transaction may run in another session of the server, where what was
prepared in one before does not exist: asyncpg then keeps no statement, and sends the text of each
along with its values.
https://www.pgbouncer.org/features.html
"""

from enum import StrEnum
from typing import Final

_CACHED_STATEMENTS: Final = 100
REMEDY: Final = "set DATABASE_POOLER=transaction"


class Pooling(StrEnum):
    """What stands between us and PostgreSQL."""

    NONE = "none"
    TRANSACTION = "transaction"

    @property
    def statement_cache_size(self) -> int:
        """How many prepared statements a connection keeps."""
        return _CACHED_STATEMENTS if self is Pooling.NONE else 0
