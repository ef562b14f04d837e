"""A model server as a provider: each call is one exchange, in a form that the server takes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.errors import Repetition
from worker_service.providers import Call, CallAgain, Completion, Spent
from worker_service.providers.dialect import Dialect
from worker_service.providers.exchange import ConnectionWasClosed, Exchange, Line
from worker_service.providers.failures import FailureKind, error_of
from worker_service.providers.forms import FormRefused, Forms, Tried
from worker_service.providers.limits import ProviderLimits
from worker_service.providers.secrets import Redactor
from worker_service.providers.transport import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The address of a server, our credential there, and the model of requests that name none.

    `headers` are sent along; they may hold secrets too. Where the server `is_traced`, each call
    says of which trace it is a part.
    """

    base_url: str
    credential: str | None = field(default=None, repr=False)
    model: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_traced: bool = False


class Server:
    """A provider behind HTTP; its connections are its own, and bounded.

    Closing a stream ends the generation at the server, so a call that is cancelled, late or
    stalled costs nothing more.
    """

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        *,
        address: Address,
        limits: ProviderLimits,
        connections: int,
    ) -> None:
        self.name = name
        self.credential = _digest(address.credential)
        self._model = address.model
        self._is_traced = address.is_traced
        self._forms = Forms(provider=name, ladder=dialect.ladder)
        self._line = Line(
            dialect=dialect,
            redact=Redactor(
                base_url=address.base_url,
                values=(address.credential or "", *address.headers.values()),
            ),
            limits=limits,
            client=Client(
                address.base_url,
                headers={**dialect.headers(address.credential), **address.headers},
                limits=limits,
                connections=connections,
            ),
        )

    async def complete(self, call: Call, spent: Spent) -> Completion:
        """Make one exchange, bounded by limits of its own.

        A form that is refused leads to the next one of the ladder; a kept connection that was
        closed leads to a single further exchange. Both go on as CallAgain.
        """
        model = call.model or self._model
        if model is None:
            raise error_of(FailureKind.NO_MODEL)
        spent.model = model
        tried = call.carried if isinstance(call.carried, Tried) else self._forms.first(model)
        spent.requested_model = model
        body = self._line.dialect.body(call, model=model, form=tried.form)
        trace = call.traceparent if self._is_traced else None
        try:
            exchange = Exchange(self._line, tried.form, traceparent=trace)
            completion = await exchange.completion(body, spent)
        except FormRefused as refusal:
            following = self._forms.after(tried, refusal, model=model)
            if following is None:
                raise refusal.error from refusal
            again = replace(call, carried=following)
            raise CallAgain(again, Repetition.FORM_REFUSED, str(refusal.error)) from refusal
        except ConnectionWasClosed as closed:
            if tried.was_sent_again:
                raise closed.error from closed
            again = replace(call, carried=replace(tried, was_sent_again=True))
            raise CallAgain(again, Repetition.CONNECTION_CLOSED, str(closed)) from closed
        self._forms.note_taken(tried, model=model)
        return completion

    async def close(self) -> None:
        """Close the idle connections."""
        await self._line.client.close()


def _digest(credential: str | None) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()[:12] if credential else ""
