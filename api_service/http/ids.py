"""UUIDs in paths and queries, in the one spelling of RFC 9562: hexadecimal digits and hyphens."""

import re
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator

_SPELLING = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _spelt_as_uuid(given: object) -> object:
    """Refuse what Python reads too: braces, `urn:uuid:`, digits without hyphens."""
    if isinstance(given, str) and not _SPELLING.fullmatch(given):
        raise ValueError("must be a UUID, such as 019aa3f0-5d1c-7b3e-9c55-0b7c5d1f2a10")
    return given


Uuid = Annotated[UUID, BeforeValidator(_spelt_as_uuid)]
