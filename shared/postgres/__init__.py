"""The one way to PostgreSQL."""
