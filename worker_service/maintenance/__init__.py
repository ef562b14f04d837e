"""Periodic duties: idempotent, made by every worker, led by none."""
