"""The one list of entity types. A new one is a module here, a generator of its name, a line."""

from schemas.entities import problem, sentence, vocabulary
from schemas.entity import EntityType

ENTITY_TYPES = {
    entity_type.name: entity_type
    for entity_type in map(
        EntityType.of,
        (
            problem,
            sentence,
            vocabulary,
        ),
    )
}
