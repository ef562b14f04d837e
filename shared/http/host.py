"""The value of a `Host` header: a name or an address, and perhaps a port."""

import re
from ipaddress import AddressValueError, IPv6Address

# Possessive: a long value that fits no host is given up at once.
_NAME = rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*+"
_LATER_ADDRESS = rb"\[[vV][0-9A-Fa-f]++\.[A-Za-z0-9._~!$&'()*+,;=:-]++\]"
_IPV6_ADDRESS = rb"\[([0-9A-Fa-f:.]{2,45})\]"
_HOST = re.compile(rb"(?:%b|%b|%b)(?::[0-9]*)?" % (_NAME, _IPV6_ADDRESS, _LATER_ADDRESS))


def is_host(value: bytes) -> bool:
    """Whether this is the value of a `Host` header; it may be empty.

    https://www.rfc-editor.org/rfc/rfc9110#section-7.2 with `host` and `port` of RFC 3986.
    """
    found = _HOST.fullmatch(value.strip(b" \t"))
    if found is None:
        return False
    return found[1] is None or _is_ipv6_address(found[1].decode())


def _is_ipv6_address(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
