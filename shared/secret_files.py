"""Secrets that stand in files."""

from pathlib import Path


def read_secret(file: Path) -> str:
    """Return what a file holds, without the end of its line.

    Raises:
        OSError: it cannot be read, or is no text.
    """
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeError as error:
        raise OSError(f"{file} is not UTF-8 text") from error


def why_unreadable(file: Path) -> str | None:
    """Say why a file holds nothing that could be used; None where it does."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except UnicodeError:
        return "is not UTF-8 text"
    return None if text.strip() else "is empty"
