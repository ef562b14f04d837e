"""Serve HTTP on a socket of our own, and ask a service whether it is ready."""
