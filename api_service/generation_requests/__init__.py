"""Submit, read and list generation requests."""
