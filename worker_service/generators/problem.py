"""Problems: choose the one right statement; `topic_tags` are put on each as they are."""

from worker_service.generators.language import LanguageGenerator
from worker_service.prompt import PromptFile

GENERATOR = LanguageGenerator(prompt_file=PromptFile.beside(__file__))
