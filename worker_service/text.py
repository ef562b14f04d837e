"""Text that PostgreSQL can keep."""


def postgres_safe(text: str, *, longest: int = 1000) -> str:
    """Replace NUL and lone surrogates, and cut the text to `longest` characters."""
    readable = text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return readable if len(readable) <= longest else readable[: longest - 1] + "…"
