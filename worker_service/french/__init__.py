"""French for the offline `demo` provider: sentences from a small lexicon.

Pure functions of (brief, seed, ordinal). Nothing here reads a clock, a file outside the package
or the network, and the same arguments always give the same text.
"""

from worker_service.french.errors import ImpossibleBrief, UnknownVerb
from worker_service.french.sentences import Sentence, SentenceBrief, make_sentence

__all__ = ["ImpossibleBrief", "Sentence", "SentenceBrief", "UnknownVerb", "make_sentence"]
