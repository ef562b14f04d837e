"""Generate the entities of a claimed request: attempts, provider calls, retries."""
