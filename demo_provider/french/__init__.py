"""French for the offline `demo` provider: sentences, problems and vocabulary from a small lexicon.

Pure functions of (brief, seed, ordinal). Nothing here reads a clock, a file or the network, and
the same arguments always give the same text.
"""

from demo_provider.french.errors import ImpossibleBrief, UnknownVerb
from demo_provider.french.problems import Problem, ProblemBrief, make_problem
from demo_provider.french.sentences import Sentence, SentenceBrief, make_sentence
from demo_provider.french.vocabulary import Vocabulary, VocabularyBrief, make_vocabulary

__all__ = [
    "ImpossibleBrief",
    "Problem",
    "ProblemBrief",
    "Sentence",
    "SentenceBrief",
    "UnknownVerb",
    "Vocabulary",
    "VocabularyBrief",
    "make_problem",
    "make_sentence",
    "make_vocabulary",
]
