"""`.env.example` shows every setting of the services and of compose.yaml, with its default."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic.fields import FieldInfo

from api_service.config import ApiSettings
from migrations.settings import MigrationSettings
from shared.config import Environment
from shared.kafka.topics import TopicSettings
from shared.setting_names import NAMES
from tests.support.compose import VARIABLES
from worker_service.config import WorkerSettings
from worker_service.providers.model_servers import BUILT_IN_SERVERS, ModelServerSettings

FILE = Path(__file__).parents[2] / ".env.example"
REQUIRED = {"DATABASE_URL": "postgresql://db/name", "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"}
SETTINGS: tuple[type[Environment], ...] = (
    ApiSettings,
    WorkerSettings,
    TopicSettings,
    MigrationSettings,
)


IDENTITY = ("base_url", "api_key", "model")
"""What the file shows of each built-in server; of the first one it shows everything."""


def fields() -> dict[str, FieldInfo]:
    of_services = {
        name.upper(): field
        for settings in SETTINGS
        for name, field in settings.model_fields.items()
    }
    of_servers = {
        f"{name}_{setting}".upper(): settings.model_fields[setting]
        for name, settings in BUILT_IN_SERVERS.items()
        for setting in (ModelServerSettings.model_fields if name == "openai" else IDENTITY)
    }
    return of_services | of_servers


def sentences() -> Iterator[tuple[str, str]]:
    """Yield each variable of the file with the line above it."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    for above, line in itertools.pairwise(lines):
        if "=" in line and not line.startswith("#"):
            yield line.partition("=")[0], above.removeprefix("# ")


def test_it_lists_each_setting_once_and_nothing_else():
    listed = [name for name, _ in sentences()]

    assert sorted(listed) == sorted({*fields(), *VARIABLES})


def test_its_names_are_those_that_a_misspelt_one_is_compared_with():
    assert sorted({*fields(), *VARIABLES} ^ NAMES) == [], "shared/setting_names.py"


def test_each_setting_stands_under_its_sentence():
    described = {name: field.description for name, field in fields().items()}

    assert dict(sentences()) | described == dict(sentences())
    assert all(sentence.endswith(".") for sentence in dict(sentences()).values())


@pytest.mark.parametrize(
    ("settings", "prefix"),
    [
        *((settings, "") for settings in SETTINGS),
        *((settings, f"{name}_") for name, settings in BUILT_IN_SERVERS.items()),
    ],
)
def test_its_values_are_the_defaults(
    settings: type[Environment], prefix: str, monkeypatch: pytest.MonkeyPatch
):
    for name in fields():
        monkeypatch.delenv(name, raising=False)
    for name, value in (dotenv_values(FILE) | REQUIRED).items():
        monkeypatch.setitem(os.environ, name, value or "")

    told = settings(_env_prefix=prefix)

    for name, field in settings.model_fields.items():
        if not field.is_required():
            assert getattr(told, name) == field.get_default(), name
