"""Sentences that show a piece of grammar."""

from worker_service.generators.language import LanguageGenerator
from worker_service.prompt import PromptFile

GENERATOR = LanguageGenerator(
    prompt_file=PromptFile.beside(__file__), apart=frozenset({"topic_tags"})
)
