"""What PostgreSQL itself bounds in a session of ours, and the check that it does."""

from dataclasses import asdict, dataclass
from typing import Final, Self

from shared.sql import Executor, sql

_ISOLATION: Final = "default_transaction_isolation"
_READ_COMMITTED: Final = "read committed"

HELD = sql("SELECT name, setting FROM pg_settings WHERE name = ANY(:names::text[])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of a session, in milliseconds; none of them may be 0, which means no bound."""

    statement_timeout: int
    lock_timeout: int
    idle_in_transaction_session_timeout: int

    @classmethod
    def within(cls, patience: float) -> Self:
        """Derive them from the seconds that the client waits for a statement."""
        milliseconds = int(patience * 1000)
        return cls(
            statement_timeout=milliseconds,
            lock_timeout=milliseconds // 2,
            idle_in_transaction_session_timeout=milliseconds,
        )

    def settings(self) -> dict[str, str]:
        """Return what is told to the server at the start of a session."""
        bounds = {name: str(value) for name, value in asdict(self).items()}
        isolation = {_ISOLATION: _READ_COMMITTED}  # of single statements too
        return bounds | isolation | {"tcp_user_timeout": bounds["statement_timeout"]}

    async def unheld(self, on: Executor) -> dict[str, str]:
        """Return the settings that do not hold in a session, with the values that they should have.

        A pooler drops what it is told at the start of a session, in silence if it is told to.
        """
        wanted = {name: str(value) for name, value in asdict(self).items()}
        rows = await HELD.fetch(on, names=[*wanted, _ISOLATION])
        held = {row["name"]: row["setting"] for row in rows}
        loose = {
            name: value for name, value in wanted.items() if not 0 < int(held[name]) <= int(value)
        }
        if held[_ISOLATION] != _READ_COMMITTED:
            loose[_ISOLATION] = _READ_COMMITTED
        return loose
