"""Prompts are files beside their generators, and values cannot reach beyond their place."""

from pathlib import Path

import pytest

from schemas.entities import ENTITY_TYPES
from tests.support.model_calls import prompt_of
from worker_service import generators
from worker_service.prompt import PromptFile

FOLDER = Path(generators.__file__).parent


@pytest.fixture
def prompt(tmp_path: Path) -> PromptFile:
    (tmp_path / "poem.md").write_text(
        "# System\n\nYou write\npoems.\n\nShort ones.\n\n# User\n\nAbout $topic, in $language.\n"
    )
    return PromptFile.beside(str(tmp_path / "poem.py"))


def test_the_lines_of_a_paragraph_are_joined(prompt: PromptFile):
    filled = prompt.filled(topic="the sea", language="French")

    assert filled.system == "You write poems.\n\nShort ones."
    assert filled.user == "About the sea, in French."


def test_what_looks_like_a_name_inside_a_value_stays_as_it_is(prompt: PromptFile):
    assert prompt.filled(topic="$language, ${topic}, {x} and $$", language="French").user == (
        "About $language, ${topic}, {x} and $$, in French."
    )


def test_a_value_that_is_missing_is_an_error(prompt: PromptFile):
    with pytest.raises(KeyError):
        prompt.filled(topic="the sea")


@pytest.mark.parametrize("name", ENTITY_TYPES)
def test_each_generator_has_its_prompt_beside_it(name: str):
    made = prompt_of(name, ENTITY_TYPES[name].constraints())

    assert (FOLDER / f"{name}.md").exists()
    assert "$" not in made.system + made.user
