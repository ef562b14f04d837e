"""How long an answer of a provider may take, and how large it may be."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, PositiveFloat

Seconds = Annotated[PositiveFloat, Field(le=86_400)]
AnswerBytes = Annotated[int, Field(ge=1024, le=1_073_741_824)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLimits:
    """The limits of one call.

    Any byte ends a silence: a server that keeps its connection alive is at work. What ends an
    answer that never comes to its point is `call_seconds`.
    """

    connect_seconds: float = 5.0
    read_seconds: float = 300.0
    first_token_seconds: float = 300.0
    next_token_seconds: float = 60.0
    call_seconds: float = 900.0
    answer_bytes: int = 8_388_608
