"""JSON Schema that generated clients can live with: what pydantic does not write by itself."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class DefaultsInWords:
    """A mixin of models that says their defaults in descriptions.

    Generated clients send what stands in `default`, and generated types make the field required.
    """

    __slots__: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Move each default into the description of its field."""
        reference = handler(core_schema)
        for member in handler.resolve_ref_schema(reference).get("properties", {}).values():
            _say_default(member)
        return reference


def _say_default(member: dict[str, Any]) -> None:
    """Say what a missing value means; an empty one means nothing."""
    default = member.pop("default", None)
    if default is None or isinstance(default, list | dict):
        return
    written = default if isinstance(default, str) else json.dumps(default)
    before = f"{member['description']} " if "description" in member else ""
    member["description"] = f"{before}`{written}` where it is left out."


@dataclass(frozen=True, slots=True)
class Known:
    """Annotate a name with its known values; a client must be ready for others.

    `enum` would close the set: generated clients fail on a value that they do not know.
    """

    values: Iterable[str]
    meaning: str

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """List the values in the words that people read and in those that tools know."""
        del handler
        values = [str(value) for value in self.values]
        listed = ", ".join(f"`{value}`" for value in values)
        return {
            "type": "string",
            "description": f"{self.meaning} Known values: {listed}. More may come.",
            "x-extensible-enum": values,
        }


@dataclass(frozen=True, slots=True)
class DocumentedAs:
    """Annotate a value that is checked elsewhere with the type that it has, made when asked for."""

    type: Callable[[], Any]

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe that type."""
        return handler(TypeAdapter(self.type()).core_schema)
