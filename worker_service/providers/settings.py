"""The settings of the providers, and the providers that they ask for."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    Field,
    PositiveFloat,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from schemas.providers import ModelName, ProviderName
from shared.config import Environment
from worker_service.providers import Provider
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.demo import Demo, is_installed
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.ollama import Ollama
from worker_service.providers.server import Address, Server

_OPENAI: Final = "https://api.openai.com/v1"
_SEVERAL_MODELS: Final = frozenset({"openai", "openrouter", "ollama"})


def _sendable(secret: SecretStr) -> SecretStr:
    """Refuse what no HTTP header can carry; the message must not repeat it."""
    value = secret.get_secret_value()
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("has characters that no key has")
    return secret


BaseUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]
ApiKey = Annotated[SecretStr, AfterValidator(_sendable)]
Seconds = Annotated[PositiveFloat, Field(le=86_400)]


class ProviderSettings(Environment):
    """Which providers there are, and the limits of their calls."""

    demo_latency_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        0, description="How long the provider demo takes for each entity."
    )
    openai_base_url: BaseUrl = Field(
        _OPENAI, description="Address of OpenAI, or of any server that has its chat completions."
    )
    openai_api_key: ApiKey | None = Field(
        None, description="The key for it; a server of one's own may need none."
    )
    openai_model: ModelName | None = Field(
        None, description="The model of requests for openai that name none."
    )
    openrouter_base_url: BaseUrl = Field(
        "https://openrouter.ai/api/v1", description="Address of OpenRouter."
    )
    openrouter_api_key: ApiKey | None = Field(None, description="The key for OpenRouter.")
    openrouter_model: ModelName | None = Field(
        None, description="The model of requests for openrouter that name none."
    )
    ollama_base_url: BaseUrl = Field("http://127.0.0.1:11434", description="Address of Ollama.")
    ollama_model: ModelName | None = Field(
        None, description="The model of requests for ollama that name none."
    )
    provider_connect_seconds: Seconds = Field(
        5, description="How long a connection to a provider may take."
    )
    provider_read_seconds: Seconds = Field(
        300, description="How long a provider may send nothing at all while it streams."
    )
    provider_first_token_seconds: Seconds = Field(
        300, description="How long a provider may be silent before the first token of a stream."
    )
    provider_next_token_seconds: Seconds = Field(
        60, description="How long a provider may be silent after it."
    )
    provider_call_seconds: Seconds = Field(900, description="How long a whole call may take.")
    provider_answer_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = Field(
        8_388_608, description="The largest answer, as it is sent, that a worker reads."
    )
    provider: ProviderName = Field(
        "demo", description="The provider of requests that name none.", validate_default=True
    )

    @field_validator("provider")
    @classmethod
    def _is_set_up(cls, name: ProviderName, info: ValidationInfo) -> ProviderName:
        if name in _SEVERAL_MODELS and not info.data.get(f"{name}_model"):
            raise ValueError(f"{name} needs {name.upper()}_MODEL too")
        if name == "openrouter" and not info.data.get("openrouter_api_key"):
            raise ValueError("openrouter needs OPENROUTER_API_KEY too")
        if name == "demo" and not is_installed():
            raise ValueError(
                "demo is not installed here; name another provider, or build the image with DEMO=1"
            )
        return name


def make_providers(settings: ProviderSettings, *, connections: int) -> Mapping[str, Provider]:
    """Make every provider that is set up, by its name; each call may have a connection."""
    made = {name: make(settings, connections) for name, make in _TABLE.items()}
    return {name: provider for name, provider in made.items() if provider is not None}


def _demo(settings: ProviderSettings, _: int) -> Provider | None:
    """Wherever its package is installed."""
    return Demo(latency_seconds=settings.demo_latency_seconds) if is_installed() else None


def _openai(settings: ProviderSettings, connections: int) -> Provider | None:
    """With a key, or with the address of another server."""
    if not settings.openai_api_key and settings.openai_base_url == _OPENAI:
        return None
    address = Address(
        base_url=settings.openai_base_url,
        credential=_revealed(settings.openai_api_key),
        model=settings.openai_model,
    )
    return Server(
        "openai",
        ChatCompletions(),
        address=address,
        limits=_limits(settings),
        connections=connections,
    )


def _openrouter(settings: ProviderSettings, connections: int) -> Provider | None:
    """With a key."""
    if not settings.openrouter_api_key:
        return None
    address = Address(
        base_url=settings.openrouter_base_url,
        credential=_revealed(settings.openrouter_api_key),
        model=settings.openrouter_model,
    )
    return Server(
        "openrouter",
        ChatCompletions(extra={"provider": {"require_parameters": True}}),
        address=address,
        limits=_limits(settings),
        connections=connections,
    )


def _ollama(settings: ProviderSettings, connections: int) -> Provider | None:
    """Without a key: it needs none, so it is always set up."""
    return Server(
        "ollama",
        Ollama(),
        address=Address(base_url=settings.ollama_base_url, model=settings.ollama_model),
        limits=_limits(settings),
        connections=connections,
    )


_TABLE: Final[Mapping[ProviderName, Callable[[ProviderSettings, int], Provider | None]]] = {
    "demo": _demo,
    "openai": _openai,
    "openrouter": _openrouter,
    "ollama": _ollama,
}
"""How each provider is made of the settings; None where it is not set up."""


def _limits(settings: ProviderSettings) -> ProviderLimits:
    return ProviderLimits(
        connect_seconds=settings.provider_connect_seconds,
        read_seconds=settings.provider_read_seconds,
        first_token_seconds=settings.provider_first_token_seconds,
        next_token_seconds=settings.provider_next_token_seconds,
        call_seconds=settings.provider_call_seconds,
        answer_bytes=settings.provider_answer_bytes,
    )


def _revealed(key: SecretStr | None) -> str | None:
    return key.get_secret_value() if key else None
