"""The invariants that the model shows: what was asked of it, for what, and how often in vain."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from shared.errors import ErrorCode
from shared.postgres.database import Database
from tests.support.model_server import Call, Item, Script, Verdict, content_of

ITEMS = """
SELECT request.constraints -> 'topic_tags' ->> 0 AS tag, ordinal, item.status, item.error_code,
       entity ->> 'content' AS content, extract(epoch FROM recorded_at)::float8 AS recorded_at
  FROM generation_items AS item
  JOIN generation_requests AS request ON request.id = item.generation_request_id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of an item; `recorded_at` in seconds of the epoch."""

    status: str
    error_code: str | None
    content: str | None
    recorded_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A fault after which calls may be made again: those of these workers for what was not
    recorded by `since`, made until `until` (seconds of the epoch); `items` None means any.
    """

    workers: frozenset[str]
    since: float
    until: float
    items: frozenset[Item] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """Calls beyond what the scripts need, how many of them the faults allow, and the others."""

    calls: int
    wasted: int
    allowed: int
    unexplained: Mapping[Item, int]

    @property
    def share(self) -> float:
        """Return the wasted part of all calls."""
        return self.wasted / self.calls if self.calls else 0.0

    def violations(self) -> list[str]:
        """Return the items for which more was wasted than the faults allow."""
        return [
            f"{count} calls for {item} were wasted, and no fault accounts for them"
            for item, count in self.unexplained.items()
        ]


async def items_of(database: Database) -> dict[Item, Recorded]:
    """Return the recorded items by what the model knows them by."""
    rows = await database.fetch(ITEMS)
    return {
        Item(row["tag"], row["ordinal"]): Recorded(
            status=row["status"],
            error_code=row["error_code"],
            content=row["content"],
            recorded_at=row["recorded_at"],
        )
        for row in rows
    }


def violations(
    items: Mapping[Item, Recorded],
    *,
    script_of: Callable[[Item], Script],
    may_be_given_up: Callable[[Item], bool],
) -> list[str]:
    """Return the items that are not what the model answered."""
    return [
        f"{item} is {found}, and the script ends with {script_of(item)[-1]}"
        for item, found in items.items()
        if not _fits(item, found, script_of(item)[-1])
        and not (found.error_code == ErrorCode.CRASH_LOOP and may_be_given_up(item))
    ]


def _fits(item: Item, found: Recorded, last: Verdict) -> bool:
    if last is not Verdict.GOOD:
        return found.error_code == _CODES[last]
    return found.status == "succeeded" and found.content == content_of(item)


_CODES = {
    Verdict.TRUNCATED: ErrorCode.TRUNCATED,
    Verdict.REFUSED: ErrorCode.REFUSED,
    Verdict.SCHEMA_INVALID: ErrorCode.INVALID_OUTPUT,
}


def waste(
    calls: Collection[Call],
    items: Mapping[Item, Recorded],
    *,
    script_of: Callable[[Item], Script],
    exposures: Collection[Exposure],
) -> Waste:
    """Compare the calls that were made with those that the scripts need, item by item."""
    made = Counter(call.item for call in calls)
    needed = Counter({item: len(script_of(item)) for item in made})
    exposed = [call.item for call in calls if _is_exposed(call, items.get(call.item), exposures)]
    wasted, allowed = made - needed, Counter(exposed)
    return Waste(
        calls=made.total(),
        wasted=wasted.total(),
        allowed=allowed.total(),
        unexplained=wasted - allowed,
    )


def _is_exposed(call: Call, found: Recorded | None, exposures: Collection[Exposure]) -> bool:
    return any(
        call.worker in exposure.workers
        and call.at <= exposure.until
        and (exposure.items is None or call.item in exposure.items)
        and (found is None or found.recorded_at > exposure.since)
        for exposure in exposures
    )
