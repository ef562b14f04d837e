"""The table of odd answers, by kind: bytes in, outcome out."""
