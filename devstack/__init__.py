"""PostgreSQL and Apache Kafka on this machine without Docker, and the services on top of them."""
