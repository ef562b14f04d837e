"""The settings of the API service."""

from typing import Annotated, get_args

from pydantic import Field, StringConstraints

from schemas.providers import ProviderName
from shared.config import SharedSettings

_PROVIDERS: tuple[str, ...] = get_args(ProviderName)
_NAME = f"({'|'.join(_PROVIDERS)})"


class ApiSettings(SharedSettings):
    """What the API service is told."""

    api_host: str = Field("127.0.0.1", description="Address that the API listens on.")
    api_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        8000, description="Port that the API listens on."
    )
    api_prefix: Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = Field(
        "", description="Path under which all routes stand, such as /api/v1."
    )
    max_body_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = Field(
        65_536, description="The largest body of a request that the API reads."
    )
    providers: Annotated[str, StringConstraints(pattern=rf"^({_NAME}(\s*,\s*{_NAME})*)?$")] = Field(
        "",
        description="Providers that requests may name, separated by commas; empty: every one.",
    )
    request_deadline_seconds: Annotated[float, Field(gt=0, le=31_536_000)] = Field(
        86_400, description="How long after its acceptance a request is settled at the latest."
    )

    @property
    def offered_providers(self) -> tuple[str, ...]:
        """The providers that a request may name."""
        return tuple(name.strip() for name in self.providers.split(",") if name) or _PROVIDERS
