"""Python's search for reference cycles, as a server needs it."""

import gc

_NEW_OBJECTS = 10_000


def collect_seldom() -> None:
    """Leave alone what lives as long as the process, and search the rest a tenth as often.

    A request makes no cycles, and at Python's own pace the searches take a tenth of its time.
    Call it when the service is wired.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
