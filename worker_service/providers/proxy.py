"""The proxy that the environment names for an address."""

from typing import Final
from urllib.request import getproxies, proxy_bypass

import httpx

from shared.runtime.logging import get_log

log = get_log()

_SUPPORTED: Final = frozenset({"http", "https"})


def proxy_for(base_url: str) -> httpx.Proxy | None:
    """Return what HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say of an address.

    A proxy that cannot be spoken to is not used, and one line says so at the start.
    """
    url = httpx.URL(base_url)
    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or proxy_bypass(url.netloc.decode()):
        return None
    scheme, separator, _ = named.partition("://")
    if not separator:
        return httpx.Proxy(f"http://{named}")
    if scheme.lower() not in _SUPPORTED:
        log.warning("proxy_not_supported", scheme=scheme, address=base_url)
        return None
    return httpx.Proxy(named)
