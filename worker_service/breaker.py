"""Stop calling a provider that cannot serve; pure bookkeeping, the time is passed in.

A circuit is what one key opens: a provider, its credential and a model. It opens after so many
failed attempts in a row, or at once when the credential is refused. While it is open nothing is
called. When its time is over it lets one probe through: an answer closes it, a failure opens it
for twice as long.

        ┌──────── failures in a row, or a refused credential ────────┐
        │                                                            ▼
     closed ◀── an answer ── half-open ◀── its time is over ──── open
                                 └──────── a failure ──────────────▶
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from shared.errors import ErrorCode
from shared.logging import get_log

log = get_log()


class State(Enum):
    """What a circuit lets through: everything, one probe, nothing."""

    CLOSED = auto()
    HALF_OPEN = auto()
    OPEN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a circuit opens and for how long; times in seconds."""

    failures: int = 5
    first_seconds: float = 5.0
    longest_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """The circuit is open: why, and when to ask again."""

    code: ErrorCode
    retry_after: float


@dataclass(slots=True, kw_only=True)
class Circuit:
    """The state of one circuit."""

    provider: str
    model: str | None
    policy: BreakerPolicy
    _failures: int = 0
    _openings: int = 0
    _open_until: float = 0.0
    _code: ErrorCode = ErrorCode.PROVIDER_UNAVAILABLE
    _is_probed: bool = False

    def state(self, now: float) -> State:
        """Tell what the circuit lets through at a time."""
        if not self._openings:
            return State.CLOSED
        return State.OPEN if now < self._open_until else State.HALF_OPEN

    def wants_probe(self, now: float) -> bool:
        """Tell whether one request should be claimed to try the provider."""
        return self.state(now) is State.HALF_OPEN and not self._is_probed

    def admit(self, now: float) -> Refusal | None:
        """Let a call through, or say why not; a call that is let through must be ended."""
        match self.state(now):
            case State.CLOSED:
                return None
            case State.HALF_OPEN if not self._is_probed:
                self._is_probed = True
                return None
            case _:
                wait = max(self._open_until - now, self.policy.first_seconds)
                return Refusal(self._code, wait)

    def answered(self) -> None:
        """End a call: the provider answered, whatever it said."""
        if self._openings:
            log.info("breaker_closed", provider=self.provider, model=self.model)
        self._failures = self._openings = 0
        self._is_probed = False

    def abandoned(self) -> None:
        """End a call that was cancelled: it says nothing about the provider."""
        self._is_probed = False

    def failed(self, code: ErrorCode, *, now: float) -> None:
        """End a call: the provider cannot serve."""
        self._failures += 1
        self._code = code
        self._is_probed = False
        is_hopeless = code is ErrorCode.AUTH or self._openings
        if self._failures >= self.policy.failures or is_hopeless:
            self._open(now)

    def _open(self, now: float) -> None:
        if now < self._open_until:
            return  # calls that were under way when it opened
        if not self._openings:
            log.warning("breaker_opened", provider=self.provider, model=self.model, code=self._code)
        seconds = self.policy.first_seconds * 2**self._openings
        self._open_until = now + min(seconds, self.policy.longest_seconds)
        self._openings += 1


@dataclass(slots=True)
class Breakers:
    """The circuits of one process."""

    policy: BreakerPolicy
    _circuits: dict[tuple[str, str, str | None], Circuit] = field(default_factory=dict)

    def circuit(self, provider: str, *, credential: str, model: str | None) -> Circuit:
        """Return the circuit of a call."""
        key = (provider, credential, model)
        if key not in self._circuits:
            self._circuits[key] = Circuit(provider=provider, model=model, policy=self.policy)
        return self._circuits[key]

    def blocked(self, now: float) -> list[Circuit]:
        """Return the circuits whose requests are not worth claiming."""
        return [c for c in self._circuits.values() if c.state(now) is not State.CLOSED]

    def in_want_of_a_probe(self, now: float) -> list[Circuit]:
        """Return the circuits for which one request should be claimed."""
        return [c for c in self._circuits.values() if c.wants_probe(now)]
