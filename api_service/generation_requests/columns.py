"""The columns of a request that its caller decides about: one definition for all that writes them.

`NewRequest` feeds the statement that accepts, the body of the answer and, by the names of its
fields, what is read of a submission. A new column is a migration, a member of the body
(`schemas.submissions.SubmissionBase`), a field here, and a member of the record (`schemas.api`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, Final, Self, get_type_hints

from pydantic_core import to_json

from schemas.states import Priority
from schemas.submissions import SubmissionBase

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """What a caller asks for, validated; each field is a column, annotated with its SQL type."""

    entity_type: Annotated[str, "text"]
    requested_count: Annotated[int, "int"]
    constraints: Annotated[Json, "jsonb"]
    metadata: Annotated[Json | None, "jsonb"] = None
    priority: Annotated[Priority, "text"] = Priority.NORMAL
    provider: Annotated[str | None, "text"] = None
    model: Annotated[str | None, "text"] = None
    traceparent: Annotated[str, "text"]

    @classmethod
    def of(
        cls, submission: SubmissionBase, *, entity_type: str, constraints: Json, traceparent: str
    ) -> Self:
        """Read a body: its members that are named as columns, and those that are not."""
        return cls(
            entity_type=entity_type,
            requested_count=submission.count,
            constraints=constraints,
            traceparent=traceparent,
            **{name: getattr(submission, name) for name in _OF_ANY_SUBMISSION},
        )


COLUMNS: Final[dict[str, str]] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(NewRequest, include_extras=True).items()
}
"""The SQL type of each column."""

_OF_ANY_SUBMISSION: Final = [name for name in SubmissionBase.model_fields if name in COLUMNS]


def arrays(requests: Sequence[NewRequest]) -> dict[str, list[Any]]:
    """Return the columns of requests as the arrays of a statement."""
    return {name: [*map(read, requests)] for name, read in _READERS.items()}


def _reader(name: str, sql_type: str) -> Callable[[NewRequest], Any]:
    """Read a column as asyncpg sends it: JSON as its text."""
    read: Callable[[NewRequest], Any] = attrgetter(name)
    return (lambda request: _json_text(read(request))) if sql_type == "jsonb" else read


def _json_text(value: Json | None) -> str | None:
    return None if value is None else to_json(value).decode()


_READERS: Final = {name: _reader(name, sql_type) for name, sql_type in COLUMNS.items()}
