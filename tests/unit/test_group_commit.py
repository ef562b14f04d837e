"""Rule 6.10: rows share a transaction, and none fails, delays or loses its neighbour."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from shared.errors import DatabaseContended, DatabaseUnavailable
from shared.group_commit import LARGEST_BATCH, LONGEST_QUEUE, GroupCommit

Row = tuple[int, str]


@dataclass
class Writer:
    """Stands where the transaction is: answers with the row's text, as `behave` lets it.

    While `gate` is clear, batches wait.
    """

    behave: Callable[[Sequence[Row]], None] = lambda _: None
    batches: list[list[Row]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def send(self, rows: Sequence[Row]) -> list[str]:
        self.batches.append([*rows])
        await self.gate.wait()
        self.behave(rows)
        return [text for _, text in rows]


def committing(writer: Writer, *, patience: float = 5.0) -> GroupCommit[Row, str]:
    return GroupCommit(writer.send, key=lambda row: UUID(int=row[0]), patience=patience)


async def _let_others_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def _behind_a_batch(
    writer: Writer, rows: Sequence[Row], *, group: GroupCommit[Row, str] | None = None
) -> list[asyncio.Task[str]]:
    """Let rows wait while a first batch is under way; clear the way with `gate.set`."""
    group = group or committing(writer)
    writer.gate.clear()
    tasks = [asyncio.create_task(group.write((0, "first")))]
    await _let_others_run()
    tasks += [asyncio.create_task(group.write(row)) for row in rows]
    await _let_others_run()
    return tasks


async def _answers(tasks: Sequence[Awaitable[str]]) -> list[str | BaseException]:
    async with asyncio.timeout(5):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_row_that_comes_alone_goes_at_once():
    writer = Writer()

    assert await committing(writer).write((1, "one")) == "one"

    assert writer.batches == [[(1, "one")]]


async def test_rows_that_come_during_a_transaction_share_the_next_one_in_the_order_of_their_keys():
    writer = Writer()
    tasks = await _behind_a_batch(writer, [(3, "c"), (1, "a"), (2, "b")])

    writer.gate.set()

    assert await _answers(tasks) == ["first", "c", "a", "b"]
    assert writer.batches == [[(0, "first")], [(1, "a"), (2, "b"), (3, "c")]]


async def test_rows_of_one_key_go_one_after_the_other():
    writer = Writer()
    tasks = await _behind_a_batch(writer, [(1, "a"), (1, "b"), (2, "c")])

    writer.gate.set()

    assert await _answers(tasks) == ["first", "a", "b", "c"]
    assert writer.batches[1:] == [[(1, "a"), (2, "c")], [(1, "b")]]


async def test_a_batch_is_bounded():
    writer = Writer()
    tasks = await _behind_a_batch(writer, [(n, "") for n in range(1, LARGEST_BATCH + 2)])

    writer.gate.set()
    await _answers(tasks)

    assert [len(batch) for batch in writer.batches] == [1, LARGEST_BATCH, 1]


async def test_a_bad_row_fails_alone():
    def behave(rows: Sequence[Row]) -> None:
        if any(text == "bad" for _, text in rows):
            raise ValueError("bad")

    writer = Writer(behave)
    tasks = await _behind_a_batch(writer, [(1, "a"), (2, "bad"), (3, "c")])

    writer.gate.set()

    first, a, bad, c = await _answers(tasks)
    assert (first, a, c) == ("first", "a", "c")
    assert isinstance(bad, ValueError)


@pytest.mark.parametrize("error", [DatabaseUnavailable("lost"), DatabaseContended("deadlock")])
async def test_a_batch_that_was_lost_is_sent_once_more(error: DatabaseUnavailable):
    lost = [error]

    def behave(rows: Sequence[Row]) -> None:
        if len(rows) > 1 and lost:
            raise lost.pop()

    writer = Writer(behave)
    tasks = await _behind_a_batch(writer, [(1, "a"), (2, "b")])

    writer.gate.set()

    assert await _answers(tasks) == ["first", "a", "b"]
    assert writer.batches[1] == writer.batches[2]


async def test_a_database_that_stays_away_is_told_to_everybody_who_waits():
    def behave(_: Sequence[Row]) -> None:
        raise DatabaseUnavailable("gone")

    writer = Writer(behave)
    tasks = await _behind_a_batch(writer, [(1, "a"), (2, "b")])

    writer.gate.set()

    assert all(isinstance(answer, DatabaseUnavailable) for answer in await _answers(tasks))
    assert len(writer.batches) == 4


@pytest.mark.parametrize(
    ("errors", "is_without_effect"),
    [
        ([DatabaseUnavailable("lost"), DatabaseContended("in use")], False),
        ([DatabaseContended("in use"), DatabaseUnavailable("lost")], False),
        ([DatabaseContended("in use"), DatabaseContended("in use")], True),
    ],
)
async def test_a_batch_had_no_effect_only_if_neither_of_its_two_tries_had_any(
    errors: list[DatabaseUnavailable], *, is_without_effect: bool
):
    left = [*errors]

    def behave(_: Sequence[Row]) -> None:
        raise left.pop(0)

    with pytest.raises(DatabaseUnavailable) as refused:
        await committing(Writer(behave)).write((1, "a"))

    assert refused.value.is_without_effect is is_without_effect


async def test_a_row_whose_caller_has_left_is_not_sent_and_takes_no_other_along():
    writer = Writer()
    first, leaving, staying = await _behind_a_batch(writer, [(1, "a"), (2, "b")])

    leaving.cancel()
    await _let_others_run()
    writer.gate.set()

    assert await _answers([first, staying]) == ["first", "b"]
    assert writer.batches[1:] == [[(2, "b")]]


async def test_a_caller_who_leaves_during_the_transaction_does_not_end_it():
    writer = Writer()
    (leaving,) = await _behind_a_batch(writer, [])
    group = committing(writer)
    tasks = [asyncio.create_task(group.write((n, str(n)))) for n in (1, 2)]
    await _let_others_run()

    leaving.cancel()
    tasks[0].cancel()
    await _let_others_run()
    writer.gate.set()

    assert await _answers([tasks[1]]) == ["2"]
    assert await group.write((3, "c")) == "c"


async def test_a_caller_waits_no_longer_than_its_patience():
    writer = Writer()
    group = committing(writer, patience=0.01)
    tasks = await _behind_a_batch(writer, [(1, "a")], group=group)

    answers = await _answers(tasks)

    assert all(isinstance(answer, DatabaseUnavailable) for answer in answers)
    writer.gate.set()
    assert await committing(writer).write((2, "b")) == "b"


async def test_a_full_queue_refuses_more():
    writer = Writer()
    group = committing(writer)
    tasks = await _behind_a_batch(
        writer, [(n, "") for n in range(1, LONGEST_QUEUE + 1)], group=group
    )

    with pytest.raises(DatabaseContended):
        await group.write((0, "too much"))

    writer.gate.set()
    await _answers(tasks)


async def test_rows_are_written_without_the_log_ids_of_the_caller_that_came_first():
    bound: list[object] = []
    writer = Writer(behave=lambda _: bound.append(get_contextvars()))

    with bound_contextvars(http_request_id="edge-1"):
        await committing(writer).write((1, "one"))

    assert bound == [{}]
