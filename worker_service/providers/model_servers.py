"""The settings of one model server, and the provider that they ask for."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    Field,
    PositiveInt,
    SecretStr,
    StringConstraints,
)

from schemas.providers import ModelName
from shared.config import Environment
from worker_service.providers.anthropic import Anthropic
from worker_service.providers.chat_completions import ChatCompletions
from worker_service.providers.dialect import Dialect
from worker_service.providers.limits import AnswerBytes, Seconds
from worker_service.providers.ollama import Ollama

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS: Final = frozenset(
    {"connection", "content-length", "content-type", "host", "transfer-encoding"}
)
_KIND: Final = "The protocol: openai (chat completions), ollama or anthropic."
_BODY: Final = "More members of every body, as a JSON object; they replace others."
_MOST_TOKENS: Final = 10_000_000


def _sendable(secret: SecretStr) -> SecretStr:
    """Refuse what no HTTP header can carry; the message must not repeat it."""
    value = secret.get_secret_value()
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("has characters that no key has")
    return secret


def _sendable_headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """Refuse what is no header, or is one that every call has of its own."""
    for name, secret in headers.items():
        value = secret.get_secret_value()
        if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise ValueError("has a name that no header may have here")
        if not (value.isascii() and value.isprintable()):
            raise ValueError("has characters that no header has")
    return headers


BaseUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]
ApiKey = Annotated[SecretStr, AfterValidator(_sendable)]
TokenCount = Annotated[PositiveInt, Field(le=_MOST_TOKENS)]
Kind = Literal["openai", "ollama", "anthropic"]


def _instead_of(setting: str) -> Any:
    """Declare a limit that goes before the one of all providers."""
    return Field(None, description=f"In place of {setting}; empty: that.")


class ModelServerSettings(Environment):
    """One model server; the names of its variables begin with its own, as in GROQ_MODEL."""

    kind: Kind = Field("openai", description=_KIND)
    base_url: BaseUrl = Field(description="The address, as far as the protocol's own path.")
    api_key: ApiKey | None = Field(
        None, description="The key for it; a server of one's own may need none."
    )
    model: ModelName | None = Field(None, description="The model of requests that name none.")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        None, description="The temperature of every call; empty: the server's own."
    )
    max_output_tokens: TokenCount | None = Field(
        None, description="The most tokens of an answer; empty: the server's own limit."
    )
    reasoning_effort: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,20}$")] | None = Field(
        None, description="How hard the model thinks, such as low; empty: as it does by itself."
    )
    num_ctx: TokenCount | None = Field(
        None, description="The size of the context, where the protocol is Ollama's."
    )
    headers: Annotated[dict[str, SecretStr], AfterValidator(_sendable_headers)] = Field(
        {}, description="More headers of every call, as a JSON object."
    )
    body: dict[str, Any] = Field({}, description=_BODY)
    connect_seconds: Seconds | None = _instead_of("PROVIDER_CONNECT_SECONDS")
    read_seconds: Seconds | None = _instead_of("PROVIDER_READ_SECONDS")
    first_token_seconds: Seconds | None = _instead_of("PROVIDER_FIRST_TOKEN_SECONDS")
    next_token_seconds: Seconds | None = _instead_of("PROVIDER_NEXT_TOKEN_SECONDS")
    call_seconds: Seconds | None = _instead_of("PROVIDER_CALL_SECONDS")
    answer_bytes: AnswerBytes | None = _instead_of("PROVIDER_ANSWER_BYTES")


class OpenAISettings(ModelServerSettings):
    """OpenAI, or any server that has its chat completions."""

    base_url: BaseUrl = Field(
        "https://api.openai.com/v1",
        description="Address of OpenAI, or of any server that has its chat completions.",
    )


class OpenRouterSettings(ModelServerSettings):
    """OpenRouter; only makers that honour the JSON Schema are asked."""

    base_url: BaseUrl = Field("https://openrouter.ai/api/v1", description="Address of OpenRouter.")
    body: dict[str, Any] = Field(
        {"provider": {"require_parameters": True}},
        description=_BODY,
    )


class OllamaSettings(ModelServerSettings):
    """Ollama, by its own protocol."""

    kind: Kind = Field("ollama", description=_KIND)
    base_url: BaseUrl = Field("http://127.0.0.1:11434", description="Address of Ollama.")


class AnthropicSettings(ModelServerSettings):
    """Anthropic, by its own protocol."""

    kind: Kind = Field("anthropic", description=_KIND)
    base_url: BaseUrl = Field("https://api.anthropic.com/v1", description="Address of Anthropic.")


BUILT_IN_SERVERS: Final[Mapping[str, type[ModelServerSettings]]] = {
    "openai": OpenAISettings,
    "openrouter": OpenRouterSettings,
    "ollama": OllamaSettings,
    "anthropic": AnthropicSettings,
}
"""What is known of a provider by its name."""


def dialect_of(settings: ModelServerSettings) -> Dialect:
    """Make the protocol of a server, with what every call is told."""
    return _DIALECTS[settings.kind](settings)


def _chat_completions(settings: ModelServerSettings) -> Dialect:
    told = {"temperature": settings.temperature, "reasoning_effort": settings.reasoning_effort}
    return ChatCompletions(
        max_output_tokens=settings.max_output_tokens, extra=_set(told) | settings.body
    )


def _ollama(settings: ModelServerSettings) -> Dialect:
    options = {
        "temperature": settings.temperature,
        "num_predict": settings.max_output_tokens,
        "num_ctx": settings.num_ctx,
    }
    thinks = {"think": _OLLAMA_THINKS.get(settings.reasoning_effort, settings.reasoning_effort)}
    return Ollama(options=_set(options), extra=_set(thinks) | settings.body)


def _anthropic(settings: ModelServerSettings) -> Dialect:
    told = {"max_output_tokens": settings.max_output_tokens, "effort": settings.reasoning_effort}
    return Anthropic(
        **_set(told), extra=_set({"temperature": settings.temperature}) | settings.body
    )


def _set(told: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not set."""
    return {name: value for name, value in told.items() if value is not None}


_OLLAMA_THINKS: Final[Mapping[str | None, bool]] = {"none": False, "on": True}
_DIALECTS: Final[Mapping[Kind, Callable[[ModelServerSettings], Dialect]]] = {
    "openai": _chat_completions,
    "ollama": _ollama,
    "anthropic": _anthropic,
}
