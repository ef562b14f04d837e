"""The topics, and the clients of Kafka."""
