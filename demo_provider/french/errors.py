"""What the French engine refuses."""


class UnknownVerb(ValueError):
    """The verb is in no table, and its ending fits no regular conjugation."""

    def __init__(self, infinitive: str) -> None:
        super().__init__(
            f"unknown verb {infinitive!r}: expected a verb of the lexicon or a regular"
            " infinitive in -er, -ir or -re"
        )
        self.infinitive = infinitive


class ImpossibleBrief(ValueError):
    """No French text satisfies the brief, or fewer than the ordinal asks for."""
