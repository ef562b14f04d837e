"""Words with their definition, translation and an example."""

from worker_service.generators.language import LanguageGenerator
from worker_service.prompt import PromptFile

GENERATOR = LanguageGenerator(
    prompt_file=PromptFile.beside(__file__), apart=frozenset({"topic_tags"})
)
