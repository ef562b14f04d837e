"""How a provider and its model are named."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from schemas.entity import Strict

PROVIDER_NAME: Final = r"[a-z][a-z0-9_]{0,39}"
BUILT_IN: Final = ("demo", "openai", "openrouter", "ollama", "anthropic")
"""The providers where the settings name none."""

ProviderName = Annotated[str, StringConstraints(pattern=rf"^{PROVIDER_NAME}$")]
ModelName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$", max_length=200)
]


class ProviderChoice(Strict):
    """Who makes the entities; what is left out is the service's choice."""

    provider: ProviderName | None = Field(
        None, description="Who makes the entities: one of the names that the service is told."
    )
    model: ModelName | None = Field(
        None, description="Which of the provider's models, named as the provider names it."
    )

    @field_validator("model")
    @classmethod
    def _is_the_providers(cls, model: str | None, info: ValidationInfo) -> str | None:
        if model is not None and info.data.get("provider") == "demo":
            raise ValueError("the provider demo has no models")
        return model
