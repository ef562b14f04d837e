"""What devstack raises."""


class DevstackError(Exception):
    """Something that a person can put right; the message says what and how, in one line."""
