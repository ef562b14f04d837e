"""What comes from Kafka: fetch dispatch messages, claim what they name, commit offsets."""
