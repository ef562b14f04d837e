"""One module for each entity type that the lexicon can serve."""
