"""How often the process looks for garbage that reference counting cannot free."""

import gc

YOUNG_OBJECTS = 20_000
OLDER_ROUNDS = 10


def collect_rarely() -> None:
    """Look for cycles at every 20,000th object instead of every 700th, and only among new ones.

    What exists now is left out for good: call it when everything is imported. Each look goes
    through what is alive, and thousands of requests in flight are; they make few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, OLDER_ROUNDS, OLDER_ROUNDS)
