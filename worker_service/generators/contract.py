"""What a generator is: it makes the content of one item, with as many calls as it takes."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel

from schemas.entity import ConstraintsBase, EntityBase
from worker_service.prompt import Prompt

Content: TypeAlias = EntityBase | Mapping[str, Any]
"""What an entity holds: the `Entity` of its type, or the fields of one; the worker validates it."""

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a request; `ordinal` tells the items of a request apart."""

    request_id: UUID
    ordinal: int
    entity_type: str
    constraints: ConstraintsBase


class Tools(Protocol):
    """What the worker lends a generator for one item."""

    async def call(self, prompt: Prompt, *, answer: type[Answer]) -> Answer:
        """Call the request's provider, the one way to it, and validate what it answers.

        A call that fails for the moment, or whose answer is schema-invalid, is retried by the
        worker's policy. Each call after the first costs one statement, which records the call
        before it. Let through what it raises in the end, as it is: it ends the attempt as
        failed or deferred, and any other exception (an ExceptionGroup, too) counts as a bug.
        """
        ...

    def progress(self, done: int, total: int, stage: str) -> None:
        """Report the stage under way, with `done` of the item's `total` steps behind it."""


class Generator(Protocol):
    """Makes entities of one type."""

    def generate(self, item: Item, tools: Tools) -> Coroutine[Any, Any, Content]:
        """Make the content of an item, as an `async def`.

        After a deferral or a takeover it runs again from its beginning. Work before the first call
        is dropped when the worker drains or the request is released.
        """
