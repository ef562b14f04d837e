"""Which providers a worker has, by its settings."""

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.providers import BUILT_IN
from shared.config import load
from shared.runtime.metrics import WORKER
from tests.support.model_calls import a_call
from worker_service.providers import Provider
from worker_service.providers import settings as settings_module
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.model_servers import (
    BUILT_IN_SERVERS,
    ModelServerSettings,
    OllamaSettings,
    OpenRouterSettings,
    dialect_of,
)
from worker_service.providers.settings import ProviderSettings, limits_of, make_providers

KEY = "sk-0123456789"
NAMES = (*BUILT_IN, "groq", "local")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Know of no provider."""
    for name in ProviderSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name in NAMES:
        for field in ModelServerSettings.model_fields:
            monkeypatch.delenv(f"{name}_{field}".upper(), raising=False)
    return monkeypatch


def providers(
    environment: pytest.MonkeyPatch, variables: dict[str, str], **settings: Any
) -> dict[str, Provider]:
    for name, value in variables.items():
        environment.setenv(name, value)
    return dict(make_providers(ProviderSettings(**settings), connections=1))


def body_of(server: ModelServerSettings) -> dict[str, Any]:
    dialect = dialect_of(server)
    return dialect.body(a_call(), model="m", form=dialect.ladder.first())


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, ["demo", "ollama"]),
        ({"OPENAI_MODEL": "tiny"}, ["demo", "ollama"]),
        ({"OPENAI_API_KEY": KEY}, ["demo", "ollama", "openai"]),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1"}, ["demo", "ollama", "openai"]),
        ({"OPENROUTER_API_KEY": KEY}, ["demo", "ollama", "openrouter"]),
        ({"ANTHROPIC_API_KEY": KEY}, ["anthropic", "demo", "ollama"]),
        (
            {
                "PROVIDERS": "groq, local,demo",
                "GROQ_BASE_URL": "https://api.groq.com/openai/v1",
                "GROQ_API_KEY": KEY,
                "GROQ_MODEL": "tiny",
                "LOCAL_BASE_URL": "http://127.0.0.1:8080/v1",
            },
            ["demo", "groq", "local"],
        ),
        ({"PROVIDERS": "demo"}, ["demo"]),
    ],
    ids=str,
)
def test_those_that_are_set_up_are_there(
    environment: pytest.MonkeyPatch, variables: dict[str, str], names: list[str]
):
    assert sorted(providers(environment, variables)) == names


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"providers": "demo,Groq"}, "should match pattern"),
        ({"providers": "demo,,groq"}, "should match pattern"),
        ({"providers": "groq,demo,groq"}, "named twice"),
        ({"provider": "groq"}, "groq is none of demo, openai"),
        ({"providers": "groq", "provider": "demo"}, "demo is none of groq"),
        ({"provider_call_seconds": 0}, "greater than 0"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], reason: str):
    with pytest.raises(ValidationError, match=reason):
        ProviderSettings(**settings)


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"OPENAI_API_KEY": "sk 1"}, "OPENAI_API_KEY: has characters that no key has"),
        ({"OPENROUTER_API_KEY": "schlüssel"}, "OPENROUTER_API_KEY: has characters"),
        ({"OPENAI_BASE_URL": "127.0.0.1:8080"}, "OPENAI_BASE_URL: does not have the form"),
        (
            {"OPENAI_BASE_URL": "https://user:hush@host/v1"},
            "OPENAI_BASE_URL: does not have the form",
        ),
        ({"OLLAMA_BASE_URL": "http://host/?key=hush"}, "OLLAMA_BASE_URL: does not have the form"),
        ({"PROVIDER": "openai"}, "OPENAI_API_KEY: is not set, and openai needs it"),
        ({"PROVIDER": "openai", "OPENAI_API_KEY": KEY}, "OPENAI_MODEL: is not set, and openai"),
        ({"PROVIDER": "ollama"}, "OLLAMA_MODEL: is not set, and ollama needs it"),
        (
            {"PROVIDER": "openrouter", "OPENROUTER_MODEL": "a/b"},
            "OPENROUTER_API_KEY: is not set, and openrouter needs it",
        ),
        ({"PROVIDERS": "demo,groq"}, "GROQ_BASE_URL: is not set"),
        ({"PROVIDERS": "demo,anthropic"}, "ANTHROPIC_API_KEY: is not set"),
        ({"OPENAI_KIND": "bard"}, "OPENAI_KIND: input should be 'openai', 'ollama' or 'anthropic'"),
        ({"OPENAI_TEMPERATURE": "3"}, "OPENAI_TEMPERATURE: input should be less than or equal"),
        ({"OPENAI_HEADERS": '{"Host": "hush"}'}, "OPENAI_HEADERS: has a name"),
        ({"OPENAI_HEADERS": '{"X-Y": "hu\\nsh"}'}, "OPENAI_HEADERS: has characters"),
        ({"OPENAI_CALL_SECONDS": "0"}, "OPENAI_CALL_SECONDS: input should be greater than 0"),
        ({"OLLAMA_READ_SECONDS": "hush"}, "OLLAMA_READ_SECONDS: input should be a valid number"),
        ({"OPENAI_ANSWER_BYTES": "5"}, "OPENAI_ANSWER_BYTES: input should be greater than or"),
        ({"OPENAI_BODY": "hush"}, "OPENAI_BODY: cannot be read: Expecting value"),
    ],
    ids=str,
)
def test_a_wrong_variable_of_a_provider_is_one_line(
    environment: pytest.MonkeyPatch, variables: dict[str, str], reason: str
):
    with pytest.raises(SystemExit, match=f"^wrong setting: .*{reason}") as left:
        providers(environment, variables)

    assert "hush" not in str(left.value)
    assert "\n" not in str(left.value)


LIMITS = ProviderLimits(
    connect_seconds=1,
    read_seconds=2,
    first_token_seconds=3,
    next_token_seconds=4,
    call_seconds=5,
    answer_bytes=6_000,
)


@pytest.mark.parametrize("name", [field.name for field in fields(ProviderLimits)])
def test_a_provider_has_the_limits_of_all_except_those_of_its_own(
    environment: pytest.MonkeyPatch, name: str
):
    of_all = ProviderSettings(
        **{f"provider_{field}": limit for field, limit in asdict(LIMITS).items()}
    )
    environment.setenv(f"OPENAI_{name}".upper(), "7777")
    openai = load(BUILT_IN_SERVERS["openai"], prefix="OPENAI_")

    assert limits_of(of_all, OllamaSettings()) == LIMITS
    assert limits_of(of_all, openai) == replace(LIMITS, **{name: 7777})


@pytest.mark.parametrize(
    ("settings", "default"),
    [
        ({}, "demo"),
        ({"provider": "openai"}, "openai"),
        ({"providers": "groq,demo"}, "groq"),
        ({"providers": "groq,demo", "provider": "demo"}, "demo"),
    ],
    ids=str,
)
def test_the_default_provider_is_the_one_that_is_named_or_the_first(
    settings: dict[str, Any], default: str
):
    assert ProviderSettings(**settings).default_provider == default


def test_a_key_may_be_a_file_and_shows_in_no_representation(
    environment: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "groq_api_key").write_text(KEY, encoding="utf-8")
    environment.setenv("GROQ_BASE_URL", "http://h/v1")
    environment.setenv("GROQ_HEADERS", '{"X-Key": "hush"}')

    server = load(ModelServerSettings, secrets=tmp_path, prefix="GROQ_")

    assert server.api_key is not None
    assert server.api_key.get_secret_value() == KEY
    assert not {KEY, "hush"} & {*repr(server).split("'"), *str(server.model_dump()).split("'")}


def test_without_its_package_there_is_no_demo_and_it_cannot_be_the_default(
    environment: pytest.MonkeyPatch,
):
    environment.setattr(settings_module, "is_installed", lambda: False)

    with pytest.raises(ValidationError, match="demo is not installed here"):
        ProviderSettings()
    made = providers(environment, {"OLLAMA_MODEL": "llama3.2"}, provider="ollama")
    assert [*made] == ["ollama"]


# What a server is told


TOLD: dict[str, Any] = {
    "base_url": "http://h/v1",
    "temperature": 0.3,
    "max_output_tokens": 500,
    "reasoning_effort": "low",
    "num_ctx": 16_384,
    "body": {"top_p": 0.9},
}


def test_chat_completions_are_told_the_settings_by_their_own_names():
    body = body_of(ModelServerSettings(**TOLD))

    told = {"temperature": 0.3, "max_tokens": 500, "reasoning_effort": "low", "top_p": 0.9}
    assert body | told == body


def test_ollama_is_told_the_settings_by_their_own_names():
    body = body_of(ModelServerSettings(kind="ollama", **TOLD))

    assert body["options"] == {"temperature": 0.3, "num_predict": 500, "num_ctx": 16_384}
    assert (body["think"], body["top_p"]) == ("low", 0.9)


def test_anthropic_is_told_the_settings_by_their_own_names():
    body = body_of(ModelServerSettings(kind="anthropic", **TOLD))

    assert body | {"temperature": 0.3, "max_tokens": 500, "top_p": 0.9} == body
    assert body["output_config"]["effort"] == "low"


def test_ollama_may_be_told_not_to_think():
    assert body_of(OllamaSettings(reasoning_effort="none"))["think"] is False


def test_what_is_not_set_is_not_sent():
    body = body_of(OpenRouterSettings())

    assert {*body} == {
        "messages",
        "model",
        "provider",
        "response_format",
        "stream",
        "stream_options",
    }
    assert body["provider"] == {"require_parameters": True}


def test_every_server_that_is_built_in_has_an_address():
    assert {*BUILT_IN_SERVERS, "demo"} == {*BUILT_IN}
    assert all(settings().base_url for settings in BUILT_IN_SERVERS.values())


def test_a_metric_names_the_model_of_each_provider_that_is_set_up(environment: pytest.MonkeyPatch):
    providers(
        environment,
        {"GROQ_BASE_URL": "http://127.0.0.1:1/v1", "GROQ_MODEL": "tiny-2"},
        providers="groq",
        provider="groq",
    )

    labels = {"provider": "groq", "model": "tiny-2"}
    assert WORKER.get_sample_value("generation_provider_info", labels) == 1
