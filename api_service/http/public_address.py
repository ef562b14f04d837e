"""The address under which callers reach the API; a proxy may hide it from the service.

A path alone leads a caller back to where it came from, unless a proxy strips a prefix. Then the
setting `PUBLIC_URL` says what stands before each path, or the proxy itself does, if it is trusted.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, Self

from fastapi import Depends, Request

from api_service.config import ApiSettings
from api_service.http.authority import is_authority, is_prefix

_SCHEMES = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAddress:
    """How to find what stands before the paths in answers."""

    api_prefix: str
    public_url: str
    trusted: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def of(cls, settings: ApiSettings) -> Self:
        return cls(
            api_prefix=settings.api_prefix,
            public_url=settings.public_url.rstrip("/"),
            trusted=settings.trusted_networks,
        )

    @classmethod
    def of_operators(cls, settings: ApiSettings) -> Self:
        """Describe `ADMIN_PORT`, which knows no prefix but that of a proxy before it."""
        return cls(api_prefix="", public_url="", trusted=settings.trusted_networks)

    def before(self, request: Request) -> str:
        """Return what stands before the routes: a path, perhaps behind scheme and host.

        Headers of a proxy count only where its own address is trusted and `PUBLIC_URL` is empty.
        """
        if self.public_url or not self.trusted or not self._is_trusted(request):
            return f"{self.public_url}{self.api_prefix}"
        prefix = _told(request, "x-forwarded-prefix").rstrip("/")
        path = f"{prefix if is_prefix(prefix) else ''}{self.api_prefix}"
        host = _told(request, "x-forwarded-host")
        if not is_authority(host):
            return path
        scheme = _told(request, "x-forwarded-proto").lower()
        return f"{scheme if scheme in _SCHEMES else request.scope['scheme']}://{host}{path}"

    def _is_trusted(self, request: Request) -> bool:
        client = request.scope.get("client")
        if client is None:
            return False
        try:
            peer = ip_address(client[0])
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer  # where one socket takes both families
        return any(peer in network for network in self.trusted)


def _told(request: Request, name: str) -> str:
    """Read a header as the nearest proxy wrote it: where several did, the last one."""
    return ",".join(request.headers.getlist(name)).rpartition(",")[2].strip()


def base_of(request: Request) -> str:
    """Return what stands before the routes in the answer to this request."""
    address: PublicAddress = request.app.state.address
    return address.before(request)


async def _base(request: Request) -> str:
    return base_of(request)


async def _requests_base(request: Request) -> str:
    address: PublicAddress = request.app.state.requests_address
    return address.before(request)


Base = Annotated[str, Depends(_base)]
"""The same as a parameter of an ordinary route."""

RequestsBase = Annotated[str, Depends(_requests_base)]
"""What stands before the routes of generation requests, which may have another port."""
