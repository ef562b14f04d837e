"""The page of the providers says what the code does."""

from pathlib import Path

import pytest

from worker_service.config import WorkerSettings
from worker_service.providers.failures import document
from worker_service.providers.model_servers import ModelServerSettings
from worker_service.providers.settings import ProviderSettings

PAGE = (Path(__file__).parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")


def test_its_table_is_current():
    assert "\n".join(document()) in PAGE, "run: python -m worker_service.providers.failures"


@pytest.mark.parametrize("name", ModelServerSettings.model_fields)
def test_it_names_each_setting_of_a_model_server(name: str):
    assert f"`…_{name.upper()}`" in PAGE


@pytest.mark.parametrize("name", ProviderSettings.model_fields)
def test_it_names_each_setting(name: str):
    assert name in WorkerSettings.model_fields
    if name != "demo_latency_seconds":
        assert name.upper() in PAGE
