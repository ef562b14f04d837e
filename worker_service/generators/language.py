"""The generator of everything that one prompt and one answer make."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from schemas.entities import ENTITY_TYPES
from worker_service.generators.contract import Content, Item, Tools
from worker_service.prompt import Prompt, PromptFile


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageGenerator:
    """Ask a model for the entity, by a prompt file with `$number`, `$topics` and `$constraints`.

    `apart` names constraints that the prompt has a place of their own for.
    """

    prompt_file: PromptFile
    apart: frozenset[str] = frozenset()

    def generate(self, item: Item, tools: Tools) -> Coroutine[Any, Any, Content]:
        """Make the content with one call; no coroutine of its own, which each call would hold."""
        return tools.call(self.prompt(item), answer=ENTITY_TYPES[item.entity_type].entity)

    def prompt(self, item: Item) -> Prompt:
        """Tell a model what to make."""
        constraints = item.constraints
        return self.prompt_file.filled(
            number=str(item.ordinal + 1),
            topics=", ".join(constraints.topic_tags) or "everyday life",
            constraints=constraints.model_dump_json(exclude_none=True, exclude={*self.apart}),
        )
