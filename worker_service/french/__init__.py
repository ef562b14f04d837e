"""French for the offline `demo` provider: sentences, problems and vocabulary from a small lexicon.

Pure functions of (brief, seed, ordinal). Nothing here reads a clock, a file or the network, and
the same arguments always give the same text.
"""

from worker_service.french.errors import ImpossibleBrief, UnknownVerb
from worker_service.french.problems import Problem, ProblemBrief, make_problem
from worker_service.french.sentences import Sentence, SentenceBrief, make_sentence
from worker_service.french.vocabulary import Vocabulary, VocabularyBrief, make_vocabulary

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
