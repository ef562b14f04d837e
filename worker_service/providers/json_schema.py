"""The JSON Schemas that are sent, derived from an entity's own; pure.

Each dialect is a part of JSON Schema that a server enforces while the model writes. What a
dialect leaves out is said in a description, and the answer is validated against the whole.
"""

from collections.abc import Iterator
from typing import Any, Final

JsonSchema = dict[str, Any]

_STRUCTURE: Final = frozenset(
    {
        "$defs",
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "description",
        "enum",
        "items",
        "properties",
        "required",
        "type",
    }
)
_BOUNDS: Final = frozenset(
    {
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
    }
)
_SILENT: Final = frozenset({"default", "examples", "title"})
"""Keywords that ask nothing of the answer."""


def strict(schema: JsonSchema) -> JsonSchema:
    """Derive what strict structured outputs take, on any server of the OpenAI protocol.

    That is the structure alone: every property is required, no other is allowed, and bounds,
    patterns and defaults are refused by one server or another:
    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    return _derived(schema, _STRUCTURE)


def grammar(schema: JsonSchema) -> JsonSchema:
    """Derive what servers that turn the schema into a grammar enforce: bounds too."""
    return _derived(schema, _STRUCTURE | _BOUNDS)


def _derived(schema: JsonSchema, kept: frozenset[str]) -> JsonSchema:
    sent = {name: _value(name, value, kept) for name, value in schema.items() if name in kept}
    if "properties" in sent:
        sent["required"] = [*sent["properties"]]
        sent["additionalProperties"] = False
    if unsaid := [*_unsaid(schema, kept)]:
        sent["description"] = " ".join([*_sentence(sent), f"({', '.join(unsaid)})"])
    if "$ref" in sent:
        return {"$ref": sent["$ref"]}  # a reference may have no other keyword beside it
    return sent


def _value(name: str, value: Any, kept: frozenset[str]) -> Any:
    match name:
        case "properties" | "$defs":
            return {each: _derived(schema, kept) for each, schema in value.items()}
        case "items":
            return _derived(value, kept)
        case "anyOf":
            return [_derived(schema, kept) for schema in value]
        case _:
            return value


def _unsaid(schema: JsonSchema, kept: frozenset[str]) -> Iterator[str]:
    for name, value in schema.items():
        if name not in kept and name not in _SILENT:
            yield f"{name}: {value}"


def _sentence(sent: JsonSchema) -> Iterator[str]:
    if description := sent.get("description"):
        yield description
