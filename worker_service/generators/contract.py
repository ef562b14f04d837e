"""What a generator is: it makes the content of one item, with as many calls as it takes."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel

from schemas.entity import ConstraintsBase, EntityBase
from worker_service.prompt import Prompt

Content: TypeAlias = EntityBase
"""The content of an entity: the `Entity` of its type."""

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

    def call(self, prompt: Prompt, *, answer: type[Answer]) -> Awaitable[Answer]:
        """Call the request's provider, the one way to it, and validate what it answers.

        A call that fails in passing, or whose answer does not fit, is repeated by the policy of the
        worker; permits, the circuit and usage are looked after. Whatever it raises is to be let
        through: it ends the attempt as failed or deferred.
        """

    def progress(self, done: int, total: int, stage: str) -> None:
        """Say how far a stage has come."""


class Generator(Protocol):
    """Makes entities of one type."""

    async def generate(self, item: Item, tools: Tools) -> Content:
        """Make the content of an item; may run again from its beginning after a deferral."""
