"""What every entity type shares: strict models, safe text, the identity of a recorded entity."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
)

from schemas.json_schema import DefaultsInWords


def _without_nul(text: str) -> str:
    """Refuse NUL, which PostgreSQL's text and jsonb cannot store (pydantic refuses surrogates)."""
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    return text


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_without_nul),
]
Word = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=60),
    AfterValidator(_without_nul),
]


def _whole(number: object) -> object:
    """Read 3.0 as JSON Schema does: as the integer 3."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


WHOLE = BeforeValidator(_whole)
"""For a `StrictInt`, behind its bounds: what stands behind it, JSON Schema does not show."""


def optional_list(*, at_most: int, description: str | None = None) -> Any:
    """Declare a list that is empty where it is left out.

    pydantic copies a default of `[]` with Python's `deepcopy` for each model: as long as all else.
    """
    return Field(default_factory=list, max_length=at_most, description=description)


LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{3}$", description="An ISO 639-3 code.")]


class Strict(BaseModel):
    """Refuse unknown fields, so that a misspelt one is an error and not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConstraintsBase(DefaultsInWords, Strict):
    """What a caller may ask of any entity type."""

    target_language_code: LanguageCode = "fra"
    topic_tags: list[Word] = optional_list(
        at_most=20, description="What the entities are about, such as `la mer`."
    )


class EntityBase(Strict):
    """What a generator makes: content alone, validated before it is recorded."""


class EntityIdentity(DefaultsInWords, BaseModel):
    """What the service adds to the content when it records an entity."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    target_language_code: LanguageCode


def title_of(name: str) -> str:
    """Turn the name of an entity type into the beginning of its models' names."""
    return name.title().replace("_", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityType:
    """One thing that can be generated: its stable name and its pair of models."""

    name: str
    collection: str
    constraints: type[ConstraintsBase]
    entity: type[EntityBase]
    recorded: type[BaseModel]
    representation: type[BaseModel]
    """The entity as the API answers it: as recorded, and with its type."""

    @classmethod
    def of(cls, module: ModuleType) -> "EntityType":
        """Read the type from its module, whose file name is the type's name."""
        name = module.__name__.rpartition(".")[2]
        title = title_of(name)
        recorded = create_model(title, __base__=(module.Entity, EntityIdentity))
        its_name: Any = Literal[name]
        tag = create_model(
            "Tag",
            __config__=ConfigDict(extra="ignore"),  # what is answered may gain fields
            entity_type=(its_name, Field(description="Tells the entity types apart.")),
        )
        return cls(
            name=name,
            collection=module.COLLECTION,
            constraints=create_model(
                f"{title}Constraints",
                __base__=module.Constraints,
                __doc__=module.Constraints.__doc__,
            ),
            entity=module.Entity,
            recorded=recorded,
            representation=create_model(
                title, __base__=(recorded, tag), __doc__=module.Entity.__doc__
            ),
        )

    def represent(self, recorded: dict[str, Any]) -> dict[str, Any]:
        """Write a recorded entity as the API answers it; jsonb loses the order of its fields."""
        return dict(self._ordered(recorded))

    def _ordered(self, recorded: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        yield "entity_type", self.name
        fields = (*EntityIdentity.model_fields, *self.entity.model_fields)
        yield from ((name, recorded[name]) for name in fields if name in recorded)
        yield from ((name, value) for name, value in recorded.items() if name not in fields)
