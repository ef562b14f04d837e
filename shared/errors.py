"""Errors that both services speak of.

    DatabaseUnavailable     PostgreSQL did not answer in time, or not at all
      DatabaseContended     it answered: another session holds the lock, or won the deadlock

The codes are public (records, dead letters, problem details, metrics, docs): add, never rename.
"""

from enum import StrEnum
from typing import Final

from schemas.codes import ErrorCode

__all__ = [
    "ACCOUNT_FAULTS",
    "REPETITIONS",
    "RETRYABLE",
    "UNCHARGED",
    "DatabaseContended",
    "DatabaseUnavailable",
    "ErrorCode",
    "Repetition",
]


class DatabaseUnavailable(Exception):
    """PostgreSQL did not answer in time, or not at all.

    Whether the statement took effect is unknown, unless `is_without_effect`.
    """

    is_without_effect = False


class DatabaseContended(DatabaseUnavailable):
    """PostgreSQL gave up a statement for the sake of others; the same one may succeed soon."""

    is_without_effect = True


class Repetition(StrEnum):
    """Outcomes of calls that are made again at once; no item fails with one."""

    FORM_REFUSED = "form_refused"
    CONNECTION_CLOSED = "connection_closed"


REPETITIONS: Final[frozenset[str]] = frozenset(Repetition)

ACCOUNT_FAULTS: Final = frozenset(
    {ErrorCode.AUTH, ErrorCode.QUOTA_EXHAUSTED, ErrorCode.MISCONFIGURED}
)
"""Codes of calls that fail because of credential, address or model, and fail no item."""

UNCHARGED: Final[frozenset[str]] = ACCOUNT_FAULTS | REPETITIONS | {ErrorCode.RATE_LIMITED}
"""Outcomes of calls that do not count towards `MAX_CALLS_PER_ITEM`, unless tokens had come.

A provider turns them away unpaid, and says so: their items wait, until their deadline.
"""

RETRYABLE = frozenset(
    {
        ErrorCode.RATE_LIMITED,
        ErrorCode.PROVIDER_UNAVAILABLE,
        ErrorCode.TIMEOUT,
        ErrorCode.AUTH,
        ErrorCode.QUOTA_EXHAUSTED,
        ErrorCode.MISCONFIGURED,
        ErrorCode.INVALID_OUTPUT,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.UNKNOWN_ENTITY_TYPE,
        ErrorCode.UNKNOWN_PROVIDER,
    }
)
"""Codes whose request may succeed if it is asked for again as it stands."""
