"""The providers that there are, and how a caller names one and its model."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from schemas.entity import Strict

ProviderName = Literal["demo", "openai", "openrouter", "ollama"]
ModelName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$", max_length=200)
]


class ProviderChoice(Strict):
    """Who makes the entities; what is left out is the service's choice."""

    provider: ProviderName | None = Field(None, description="Who makes the entities.")
    model: ModelName | None = Field(
        None, description="Which of the provider's models, named as the provider names it."
    )

    @field_validator("model")
    @classmethod
    def _is_the_providers(cls, model: str | None, info: ValidationInfo) -> str | None:
        if model is not None and info.data.get("provider") == "demo":
            raise ValueError("the provider demo has no models")
        return model
