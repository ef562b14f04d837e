from collections.abc import Awaitable, Callable

from benchmarks.counters import broken
from benchmarks.figures import streams
from benchmarks.load import Plan, percentile
from benchmarks.report import row
from benchmarks.rounds import Sample, alternate, beside, difference

OURS: list[Sample] = [{"pace": 30.0}, {"pace": 20.0}, {"pace": 50.0}]
THEIRS: list[Sample] = [{"pace": 10.0}, {"pace": 20.0}, {"pace": 40.0}]


async def test_contenders_take_turns_in_the_opposite_order_every_other_round():
    order: list[str] = []

    def contender(name: str) -> Callable[[], Awaitable[Sample]]:
        async def run() -> Sample:
            order.append(name)
            return {"number": len(order)}

        return run

    taken = await alternate({"ours": contender("ours"), "bare": contender("bare")}, rounds=3)

    assert order == ["ours", "bare", "bare", "ours", "ours", "bare"]
    assert [sample["number"] for sample in taken["ours"]] == [1, 4, 5]


def test_a_ratio_is_that_of_the_medians_and_its_span_that_of_the_rounds():
    line = beside("drain", OURS, THEIRS, "pace", unit="/s")

    assert (line.ours, line.theirs, line.ratio) == (30.0, 20.0, 1.5)
    assert (line.lowest, line.highest) == (1.0, 3.0)


def test_a_difference_is_the_median_of_the_differences_of_the_rounds():
    assert difference("more", OURS, THEIRS, "pace", "ms", aim="≤ 3").ours == 10.0


def test_a_row_shows_three_digits_that_count():
    line = beside("drain", [{"pace": 12_345.6}], [{"pace": 0.123456}], "pace", unit="/s", aim="≥ 1")

    assert row(line).startswith("| drain | 12,346 /s | 0.123 /s | ")
    assert row(line).endswith(" | ≥ 1 |")


def test_the_percentile_is_the_least_value_that_so_many_do_not_exceed():
    hundred = [float(n) for n in range(1, 101)]

    assert percentile(hundred, 50) == 50.0
    assert percentile(hundred, 99) == 99.0
    assert percentile([7.0], 99) == 7.0


def test_a_counter_above_its_bound_is_named():
    (line,) = broken({"statements": 2.5, "commits": 1.0}, {"statements": 2.0, "commits": 1.0})

    assert "statements" in line


def test_a_counter_without_a_bound_and_a_bound_without_a_counter_are_named():
    assert len([*broken({"statements": 1.0}, {"commits": 1.0})]) == 2


def test_a_request_says_how_long_its_body_is():
    plan = Plan(port=1, method="POST", path="/x", body='{"é": 1}', seconds=1)

    head, _, body = plan.request().partition(b"\r\n\r\n")
    assert head.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"Content-Length: 9" in head
    assert len(body) == 9


def measured_streams(**paces: float) -> dict[str, list[Sample]]:
    """Return the rounds of the streams, ours with these paces."""
    ours = {f"{number:,} streams": [{"per_second": 40.0, "cpu_us": 25.0}] for number in (100, 300)}
    ours |= {
        f"{name} streams": [{"per_second": pace, "cpu_us": 31.0}] for name, pace in paces.items()
    }
    bare = {
        f"{name}, {how}": samples for name, samples in ours.items() for how in ("raw", "openai")
    }
    return ours | bare


def test_the_pace_at_the_most_streams_stands_beside_the_best_one():
    rounds = measured_streams(**{"500": 190.0, "1,000": 95.0})

    last = streams.lines(rounds)[-1]

    assert last.what == "1,000 streams, beside the best pace (500 streams)"
    assert (last.ours, last.theirs, last.ratio) == (95.0, 190.0, 0.5)
    assert last.aim == "≥ 0.9"


def test_a_token_has_an_aim_for_its_cpu_at_any_number_of_streams():
    rounds = measured_streams(**{"500": 190.0, "1,000": 195.0})

    aims = [
        line.aim for line in streams.lines(rounds) if line.what.endswith("token, beside the SDK")
    ]

    assert aims == ["≤ 30"] * len(streams.STREAMS)
