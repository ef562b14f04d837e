"""Worker processes that ask the model of the tests, and that a signal can meet at any point."""

import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.crash_points import Orders, Point
from tests.support.model_server import Call
from tests.support.processes import Service, Services


@dataclass(kw_only=True)
class ModelWorker:
    """One worker, one process after the other; the model knows it by its name."""

    name: str
    orders: Orders
    begin: Callable[[], Service]
    service: Service = field(init=False)
    logs: list[Path] = field(default_factory=list)
    """Of all its processes, the first one first."""

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start its process, or the next one."""
        self.service = self.begin()
        self.logs.append(self.service.log)

    @property
    def is_running(self) -> bool:
        return self.service.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it runs."""
        if self.is_running:
            self.service.send(number)


def beginner(
    services: Services, name: str, *, model_url: str, **settings: Any
) -> tuple[Orders, Callable[[], Service]]:
    """Return the orders of a worker of this name, and what starts it."""
    orders = Orders(services.folder / f"{name}.order")

    def begin() -> Service:
        return services.start_worker(
            "tests.support.model_worker",
            model_url=model_url,
            model_key=name,
            crash_orders=orders.path,
            **settings,
        )

    return orders, begin


def meet_during_call(workers: Iterable[ModelWorker], call: Call) -> None:
    """Carry out what is ordered for a call, in the middle of it."""
    caller = next(worker for worker in workers if worker.name == call.worker)
    number = caller.orders.take(Point.DURING_CALL)
    if number is not None:
        caller.send(number)
