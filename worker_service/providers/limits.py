"""How long an answer of a provider may take, and how large it may be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLimits:
    """The limits of one call."""

    connect_seconds: float = 5.0
    read_seconds: float = 60.0
    first_token_seconds: float = 60.0
    next_token_seconds: float = 20.0
    call_seconds: float = 180.0
    answer_bytes: int = 8_388_608
