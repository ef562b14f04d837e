"""A few seeds of `make chaos`: random faults on every part at once, and the invariants hold."""

from pathlib import Path

import pytest

from tests.chaos.run import run_seed


@pytest.mark.parametrize("seed", [100, 101, 102])
async def test_whatever_breaks_at_once_the_books_balance(seed: int, tmp_path: Path):
    report = await run_seed(seed, tmp_path, workers=3)
    assert not report.violations, report
