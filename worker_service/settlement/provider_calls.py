"""Write the calls to providers that have ended, whatever became of their attempts.

A call is written once: its id is made before the call, and a repeated write changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, Final, TypeAlias, get_type_hints
from uuid import UUID

from shared.postgres.database import Database
from shared.sql import sql


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCall:
    """A call that has ended; each field is a column, annotated with its SQL type.

    A call is one exchange with its provider. `outcome` is `ok`, `cancelled`, an `ErrorCode` or a
    `Repetition`. A count of tokens is None where the provider gave none that can be used.
    """

    generation_request_id: Annotated[UUID, "uuid"]
    call_id: Annotated[UUID, "uuid"]
    ordinal: Annotated[int, "int"]
    round: Annotated[int, "int"]
    epoch: Annotated[int, "bigint"]
    provider: Annotated[str, "text"]
    model: Annotated[str | None, "text"]
    outcome: Annotated[str, "text"]
    error_message: Annotated[str | None, "text"]
    input_tokens: Annotated[int | None, "int"]
    output_tokens: Annotated[int | None, "int"]
    reasoning_tokens: Annotated[int | None, "int"]
    seconds: Annotated[float, "float8"]
    first_token_seconds: Annotated[float | None, "float8"]
    finish_reason: Annotated[str | None, "text"]
    provider_request_id: Annotated[str | None, "text"]
    received_bytes: Annotated[int, "bigint"]
    reasoning: Annotated[str | None, "text"]


CallBatch: TypeAlias = tuple[ProviderCall, ...]
"""Calls of one attempt that are written together; never empty."""

_COLUMNS: Final[dict[str, str]] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(ProviderCall, include_extras=True).items()
}
_NAMES = ", ".join(_COLUMNS)
_ARRAYS = ", ".join(f":called_{name}::{sql_type}[]" for name, sql_type in _COLUMNS.items())

INSERT_CALLS = f"""
    INSERT INTO provider_calls ({_NAMES})
    SELECT {_NAMES} FROM unnest({_ARRAYS}) AS called ({_NAMES})
        ON CONFLICT (generation_request_id, call_id) DO NOTHING"""
"""Insert the calls of the parameters that `columns` makes."""

RECORD_CALLS = sql(INSERT_CALLS)


def columns(calls: Sequence[ProviderCall]) -> dict[str, list[Any]]:
    """Return the columns of calls as the arrays of a statement."""
    return {f"called_{name}": [*map(attrgetter(name), calls)] for name in _COLUMNS}


async def record_calls(database: Database, batches: Sequence[CallBatch]) -> list[None]:
    """Write calls that are recorded with no item; a `send` of `GroupCommit`.

    Raises:
        DatabaseUnavailable: they may be written.
    """
    await RECORD_CALLS.execute(database, **columns([call for batch in batches for call in batch]))
    return [None for _ in batches]
