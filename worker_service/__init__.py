"""Consume dispatch messages, claim their requests, make and record each entity, settle."""
