"""The settings of the API service."""

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.config import ProviderListSettings, SharedSettings


class ApiSettings(SharedSettings, ProviderListSettings):
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
    request_deadline_seconds: Annotated[float, Field(gt=0, le=31_536_000)] = Field(
        86_400, description="How long after its acceptance a request is settled at the latest."
    )
