"""Record items, settle requests, write dead letters and events."""
