"""Read dead letters."""
