"""Random faults on a stack of its own, and a check of its invariants: `python -m tests.chaos`."""
