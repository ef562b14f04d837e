"""How often Python searches for reference cycles."""

import gc

from shared.runtime.garbage import collect_seldom


def test_what_was_there_at_the_start_is_searched_no_more_and_the_rest_seldom():
    threshold = gc.get_threshold()
    try:
        collect_seldom()

        assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[0] > threshold[0]
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
