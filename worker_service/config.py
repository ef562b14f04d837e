"""The settings of the worker service."""

from typing import Annotated

from pydantic import Field, PositiveInt

from shared.config import SharedSettings
from worker_service.providers.settings import ProviderSettings


class WorkerSettings(SharedSettings, ProviderSettings):
    """What the worker service is told."""

    kafka_group_id: str = Field(
        "generation-worker", description="The consumer group that the workers share.", min_length=1
    )
    worker_health_host: str = Field(
        "127.0.0.1", description="Address that the worker's health endpoint listens on."
    )
    worker_health_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        8001, description="Port that the worker's health endpoint listens on."
    )
    max_requests_in_flight: PositiveInt = Field(
        100, description="Requests that one worker works on at a time."
    )
    max_provider_calls: PositiveInt | None = Field(
        None,
        description="Provider calls that one worker has in flight; empty: as many as requests.",
    )
    max_parallel_items_per_request: PositiveInt = Field(
        3, description="Items of one request that are made at a time."
    )
    drain_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(
        40, description="How long a stopping worker waits for the calls that it has in flight."
    )
    call_attempts: PositiveInt = Field(
        4, description="Provider calls per item before transient failures defer the request."
    )
    invalid_output_attempts: PositiveInt = Field(
        3,
        description="Provider calls per item whose output is schema-invalid before the item fails.",
    )
    max_calls_per_item: PositiveInt = Field(
        25,
        description="Provider calls per item, over all attempts and releases, before it fails.",
    )

    breaker_failures: PositiveInt = Field(
        5, description="Consecutive failed attempts that open a provider's circuit."
    )
    breaker_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        5, description="How long a circuit stays open at first; up to a minute later on."
    )

    @property
    def provider_calls(self) -> int:
        """The number of provider calls that may be in flight."""
        return self.max_provider_calls or self.max_requests_in_flight
