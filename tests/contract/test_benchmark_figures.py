from benchmarks import counters, report


def test_the_page_shows_the_figures_that_are_kept():
    shown = report.PAGE.read_text(encoding="utf-8")

    assert shown == report.page(shown)


def test_every_bound_is_a_positive_number():
    assert all(bound > 0 for bound in counters.read_bounds().values())
