"""Contracts: whatever crosses a process boundary. pydantic only, no input or output."""
