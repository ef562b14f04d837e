"""The settings of the providers, and the providers that they ask for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from schemas.providers import PROVIDER_NAME, ProviderName
from shared.config import SECRETS, ProviderListSettings, load, names_of
from shared.runtime.metrics import PROVIDER_INFO
from worker_service.providers import Provider
from worker_service.providers.demo import Demo, is_installed
from worker_service.providers.limits import AnswerBytes, ProviderLimits, Seconds
from worker_service.providers.model_servers import (
    BUILT_IN_SERVERS,
    ModelServerSettings,
    dialect_of,
)
from worker_service.providers.server import Address, Server

_DEMO = "demo"


class ProviderSettings(ProviderListSettings):
    """Which providers there are, and the limits of their calls."""

    demo_latency_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        0, description="How long the provider demo takes for each entity."
    )
    trace_providers: str = Field(
        "",
        description="Names of the providers that are sent `traceparent`, separated by commas.",
        pattern=rf"^\s*({PROVIDER_NAME}(\s*,\s*{PROVIDER_NAME})*)?\s*$",
    )
    provider_connect_seconds: Seconds = Field(
        5, description="How long a connection to a provider may take."
    )
    provider_read_seconds: Seconds = Field(
        300, description="How long a provider may send nothing at all while it streams."
    )
    provider_first_token_seconds: Seconds = Field(
        300, description="How long a provider may be silent before the first text of a stream."
    )
    provider_next_token_seconds: Seconds = Field(
        60, description="How long a provider may be silent after it."
    )
    provider_call_seconds: Seconds = Field(900, description="How long a whole call may take.")
    provider_answer_bytes: AnswerBytes = Field(
        8_388_608, description="The largest answer, unpacked, that a worker reads."
    )
    provider: ProviderName | None = Field(
        None,
        description="The provider of requests that name none; empty: the first of PROVIDERS.",
        validate_default=True,
    )

    @field_validator("provider")
    @classmethod
    def _is_there(cls, provider: ProviderName | None, info: ValidationInfo) -> ProviderName | None:
        names = names_of(info.data.get("providers", ""))
        if provider is not None and provider not in names:
            raise ValueError(f"{provider} is none of {', '.join(names)}")
        if (provider or names[0]) == _DEMO and not is_installed():
            raise ValueError(
                "demo is not installed here; name another provider, or build the image with DEMO=1"
            )
        return provider

    @field_validator("trace_providers")
    @classmethod
    def _are_there(cls, providers: str, info: ValidationInfo) -> str:
        names = names_of(info.data.get("providers", ""))
        if unknown := [name for name in _listed(providers) if name not in names]:
            raise ValueError(f"{unknown[0]} is none of {', '.join(names)}")
        return providers

    @property
    def default_provider(self) -> str:
        """The provider of requests that name none."""
        return self.provider or self.provider_names[0]


def _listed(providers: str) -> list[str]:
    return [name.strip() for name in providers.split(",") if name.strip()]


def make_providers(
    settings: ProviderSettings, *, connections: int, secrets: Path = SECRETS
) -> Mapping[str, Provider]:
    """Make the providers by their names; each call may have a connection.

    Those that PROVIDERS names must be whole; of those that are built in, the ones are made that are
    set up.

    Raises:
        SystemExit: the variables of a provider are wrong, in one line.
    """
    made = {
        name: _made(name, settings, connections=connections, secrets=secrets)
        for name in settings.provider_names
    }
    return {name: provider for name, provider in made.items() if provider is not None}


def _made(
    name: str, settings: ProviderSettings, *, connections: int, secrets: Path
) -> Provider | None:
    if name == _DEMO:
        return _demo(settings)
    prefix = f"{name.upper()}_"
    server = load(BUILT_IN_SERVERS.get(name, ModelServerSettings), secrets=secrets, prefix=prefix)
    is_wanted = bool(settings.providers) or name == settings.default_provider
    if missing := _missing(name, server, is_default=name == settings.default_provider):
        if is_wanted:
            raise SystemExit(f"wrong setting: {prefix}{missing}: is not set, and {name} needs it")
        return None
    PROVIDER_INFO.labels(name, server.model or "").set(1)
    address = Address(
        base_url=server.base_url,
        credential=server.api_key.get_secret_value() if server.api_key else None,
        model=server.model,
        headers={of: value.get_secret_value() for of, value in server.headers.items()},
        is_traced=name in _listed(settings.trace_providers),
    )
    return Server(
        name,
        dialect_of(server),
        address=address,
        limits=limits_of(settings, server),
        connections=connections,
    )


def _demo(settings: ProviderSettings) -> Provider | None:
    if is_installed():
        PROVIDER_INFO.labels(_DEMO, "").set(1)
        return Demo(latency_seconds=settings.demo_latency_seconds)
    if settings.providers:
        raise SystemExit("wrong setting: PROVIDERS: demo is not installed here")
    return None


def _missing(name: str, server: ModelServerSettings, *, is_default: bool) -> str | None:
    """Name the variable that a provider lacks: its vendor takes no call without a key."""
    fields = type(server).model_fields
    is_the_vendors = server.base_url == fields["base_url"].default and name != "ollama"
    if is_the_vendors and not server.api_key:
        return "API_KEY"
    return "MODEL" if is_default and not server.model else None


def limits_of(settings: ProviderSettings, server: ModelServerSettings) -> ProviderLimits:
    """Take the limits of all providers, and in their place those that this one has of its own."""
    return ProviderLimits(
        connect_seconds=server.connect_seconds or settings.provider_connect_seconds,
        read_seconds=server.read_seconds or settings.provider_read_seconds,
        first_token_seconds=server.first_token_seconds or settings.provider_first_token_seconds,
        next_token_seconds=server.next_token_seconds or settings.provider_next_token_seconds,
        call_seconds=server.call_seconds or settings.provider_call_seconds,
        answer_bytes=server.answer_bytes or settings.provider_answer_bytes,
    )
