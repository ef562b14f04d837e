"""The figures: a module each, which says how it is measured and what its lines are."""
