"""The generators: one module for each entity type, of the type's name, with its `GENERATOR`."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

from schemas.entities import ENTITY_TYPES
from worker_service.generators.contract import Generator


def load() -> Mapping[str, Generator]:
    """Import the generator of each entity type that has one here."""
    return {
        name: import_module(f"{__name__}.{name}").GENERATOR
        for name in ENTITY_TYPES
        if find_spec(f"{__name__}.{name}") is not None
    }
