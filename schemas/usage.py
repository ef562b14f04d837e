"""What making entities costs: tokens as a provider counts them, and the sums that the API shows."""

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

MOST_TOKENS: Final = 2**31 - 1


def _counted(count: object) -> int | None:
    """Trust no provider's number: one that counts nothing costs the count, never the answer."""
    if not isinstance(count, int) or isinstance(count, bool):
        return None
    return count if 0 <= count <= MOST_TOKENS else None


TokenCount = Annotated[int | None, BeforeValidator(_counted)]
"""A number of tokens; None where the provider's is no integer from 0 to `MOST_TOKENS`."""


class Tokens(BaseModel):
    """Tokens as the provider counts them; those of the reasoning are among the output's.

    None is a count that the provider has not given, or not in a credible form.
    """

    model_config = ConfigDict(frozen=True)

    input_tokens: TokenCount = None
    output_tokens: TokenCount = None
    reasoning_tokens: TokenCount = None


class Usage(BaseModel):
    """Calls and their tokens, added up; those of calls that failed are among them.

    A count that no provider has given is left out of the sum, which is then a lower bound.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
