"""Which providers a worker has, by its settings."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from worker_service.providers import Provider
from worker_service.providers import settings as settings_module
from worker_service.providers.settings import ProviderSettings, make_providers

KEY = "sk-0123456789"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know of no provider."""
    for name in ProviderSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def providers(**settings: Any) -> dict[str, Provider]:
    return dict(make_providers(ProviderSettings(**settings), connections=1))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["demo", "ollama"]),
        ({"openai_model": "tiny"}, ["demo", "ollama"]),
        ({"openai_api_key": KEY}, ["demo", "ollama", "openai"]),
        ({"openai_base_url": "http://127.0.0.1:8080/v1"}, ["demo", "ollama", "openai"]),
        ({"openrouter_api_key": KEY}, ["demo", "ollama", "openrouter"]),
    ],
    ids=str,
)
def test_those_that_are_set_up_are_there(settings: dict[str, Any], names: list[str]):
    assert sorted(providers(**settings)) == names


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"provider": "openai", "openai_api_key": KEY}, "openai needs OPENAI_MODEL too"),
        ({"provider": "ollama"}, "ollama needs OLLAMA_MODEL too"),
        ({"provider": "openrouter", "openrouter_model": "a/b"}, "needs OPENROUTER_API_KEY too"),
        ({"openai_api_key": "sk 1"}, "has characters that no key has"),
        ({"openai_api_key": "sk-\n"}, "has characters that no key has"),
        ({"openrouter_api_key": "schlüssel"}, "has characters that no key has"),
        ({"openai_base_url": "127.0.0.1:8080"}, "should match pattern"),
        ({"openai_base_url": "https://user:hush@host/v1"}, "should match pattern"),
        ({"ollama_base_url": "http://host/?key=hush"}, "should match pattern"),
        ({"provider_call_seconds": 0}, "greater than 0"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], reason: str):
    with pytest.raises(ValidationError, match=reason):
        ProviderSettings(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"provider": "openai", "openai_base_url": "http://h/v1", "openai_model": "tiny"},
        {"provider": "openrouter", "openrouter_api_key": KEY, "openrouter_model": "a/b"},
        {"provider": "ollama", "ollama_model": "llama3.2"},
        {"provider": "demo"},
    ],
    ids=str,
)
def test_the_default_provider_may_be_any_that_is_whole(settings: dict[str, Any]):
    assert ProviderSettings(**settings).provider == settings["provider"]


def test_a_key_shows_in_no_representation():
    settings = ProviderSettings(openai_api_key=SecretStr(KEY), openrouter_api_key=SecretStr(KEY))

    assert KEY not in repr(settings) + str(settings.model_dump())


def test_without_its_package_there_is_no_demo_and_it_cannot_be_the_default(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(settings_module, "is_installed", lambda: False)

    with pytest.raises(ValidationError, match="demo is not installed here"):
        ProviderSettings()
    assert [*providers(provider="ollama", ollama_model="tiny")] == ["ollama"]
