"""Accept generation requests over HTTP, answer polls for them, dispatch them to Kafka."""
