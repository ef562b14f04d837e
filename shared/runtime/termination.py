"""What SIGTERM and SIGINT do before a loop listens for them.

Linux drops a signal for the first process of a container (PID 1) that has no handler for it: a
service that waits for its schema would be killed after the grace period. So a program calls this
before it imports what takes its time; this module imports next to nothing.
"""

import os
import signal
from types import FrameType

LEFT_IN_ORDER = 0
_SIGNALLED = 128


def leave_at_once_on_signals(*, status: int | None = None) -> None:
    """Leave with `status` on SIGTERM and SIGINT, for as long as no loop handles them.

    None is the status of a program that was ended: 128 and the number of the signal. Nothing is
    tidied up, because nothing is in work yet: PostgreSQL and Kafka see a connection end.
    """

    def leave(number: int, _: FrameType | None) -> None:
        os._exit(_SIGNALLED + number if status is None else status)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
