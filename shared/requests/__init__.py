"""What both services do to a generation request."""
