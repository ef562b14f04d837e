"""Python's search for reference cycles, as a server needs it."""

import gc

_NEW_OBJECTS, _SEARCHES = 20_000, 10


def collect_seldom() -> None:
    """Leave alone what lives as long as the process, and search the rest far less often.

    Requests make hardly any cycles. At Python's own pace the searches take a tenth of the time of
    an API, and a third of that of a worker: they go through what is alive, and thousands of calls
    in flight are.
    Call it when the service is wired.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _SEARCHES, _SEARCHES)
