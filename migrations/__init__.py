"""The schema, as plain SQL files in the order of their names, and the command that applies them."""
