"""Accept generation requests over HTTP, tell how they stand, dispatch them to Kafka."""
