"""The settings of the API service."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from api_service.http.authority import is_prefix, is_url
from shared.config import ProviderListSettings, SharedSettings

Network: TypeAlias = IPv4Network | IPv6Network


def networks_of(addresses: str) -> tuple[Network, ...]:
    """Read addresses and networks, such as `10.0.0.0/8, ::1`."""
    return tuple(ip_network(each.strip()) for each in addresses.split(",") if each.strip())


def _with_readable_networks(addresses: str) -> str:
    networks_of(addresses)
    return addresses


def _with_usable_prefix(prefix: str) -> str:
    if not is_prefix(prefix):
        raise ValueError("give a path such as /api/v1, without a slash at its end")
    return prefix


def _with_usable_url(url: str) -> str:
    if url and not is_url(url):
        raise ValueError("give an address such as https://api.example.com/v1; in ASCII")
    return url


class ApiSettings(SharedSettings, ProviderListSettings):
    """What the API service is told."""

    api_host: str = Field("127.0.0.1", description="Address that the API listens on.")
    api_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        8000, description="Port that the API listens on."
    )
    api_prefix: Annotated[str, AfterValidator(_with_usable_prefix)] = Field(
        "", description="Path under which all routes stand, such as /api/v1."
    )
    admin_host: str = Field(
        "127.0.0.1", description="Address that the operators' routes listen on, with ADMIN_PORT."
    )
    admin_port: Annotated[int, Field(ge=0, le=65_535)] | None = Field(
        None,
        description="Port of the operators' routes; empty: they stand among those of API_PORT.",
    )
    public_url: Annotated[str, AfterValidator(_with_usable_url)] = Field(
        "", description="Where callers reach the API through a proxy, without API_PREFIX; or empty."
    )
    trusted_proxies: Annotated[str, AfterValidator(_with_readable_networks)] = Field(
        "", description="Addresses and networks of proxies whose X-Forwarded-* headers count."
    )
    max_body_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = Field(
        65_536, description="The largest body of a request that the API reads."
    )
    request_deadline_seconds: Annotated[float, Field(gt=0, le=31_536_000)] = Field(
        86_400, description="How long after its acceptance a request is settled at the latest."
    )

    @model_validator(mode="after")
    def _has_two_ports(self) -> Self:
        """Refuse one address for both ports; the system would only say that it is in use."""
        public, admin = (self.api_host, self.api_port), (self.admin_host, self.admin_port)
        if self.admin_port and public == admin:
            raise ValueError(f"ADMIN_PORT is that of the API, {self.admin_port}: choose another")
        return self

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        """Return the addresses of `trusted_proxies` as networks."""
        return networks_of(self.trusted_proxies)
