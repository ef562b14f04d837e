"""What entities are generated with in one process."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import ErrorCode
from worker_service.claims.circuit import Breakers, Circuit
from worker_service.claims.claim import Claim
from worker_service.generation.permits import PrioritySemaphore
from worker_service.generation.retry_policy import RetryPolicy
from worker_service.generators.contract import Generator
from worker_service.providers import PermanentError, Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationTools:
    """The generators and providers of a process, and what bounds their calls."""

    generators: Mapping[str, Generator]
    providers: Mapping[str, Provider]
    policy: RetryPolicy
    breakers: Breakers
    permits: PrioritySemaphore

    def provider(self, claim: Claim) -> Provider:
        """Find the provider of a claim.

        Raises:
            PermanentError: this process has none of that name.
        """
        try:
            return self.providers[claim.provider]
        except KeyError:
            message = f"this worker has no provider {claim.provider!r}"
            raise PermanentError(ErrorCode.UNSUPPORTED, message) from None

    def circuit(self, claim: Claim) -> Circuit:
        """Find the circuit of a claim's calls."""
        provider = self.provider(claim)
        return self.breakers.circuit(
            provider.name, credential=provider.credential, model=claim.model
        )
