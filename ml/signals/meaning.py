"""What sentences mean, as vectors: words that say the same lie near each other, whichever they are.

The vectors are those of the sentence model that the package `wordllama` ships, an average of token embeddings distilled from
large language models; the package is the extra `sentences`. Nothing is fetched, and no pickle is read.
"""

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MOST_LETTERS: Final = 500
"""Of a sentence that are read: sentences are padded to the longest one, so a whole transcript on one line would take a gigabyte."""
_LEAST: Final = 1e-9


class NoSentenceModelError(RuntimeError):
    """The extra isn't installed; the message says what to do."""


def vectors(sentences: Sequence[str]) -> npt.NDArray[np.float32]:
    """A vector of length 1 for each sentence, 0 for one without words, [n, 256].

    Raises:
        NoSentenceModelError: The package isn't installed.
    """
    found = np.asarray(_model().embed([each[:MOST_LETTERS] for each in sentences]), dtype=np.float32)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), _LEAST))


@cache
def _model() -> Any:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        import wordllama  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise NoSentenceModelError(
            "calls are to be read by what sentences mean, and the package for it isn't there: install the extra "
            "`sentences` (pip install 'wayfinder[sentences]'), or leave WAYFINDER_CALL_READER at `words`"
        ) from missing
    finally:
        root.handlers[:], root.level = handlers, level  # the package sets up the logging of its whole process
    # The package looks for its tokenizer in another folder than the one in which it ships it, and would fetch it.
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
