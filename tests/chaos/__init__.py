"""Random faults on a whole stack of its own, and an audit of its books: `python -m tests.chaos`."""
