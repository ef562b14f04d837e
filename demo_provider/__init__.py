"""An offline provider of French entities: for trying the service out, and for tests."""
