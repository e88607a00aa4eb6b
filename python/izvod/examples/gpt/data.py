"""Text to characters to batches."""

import hashlib

import izvod

from .errors import InputError

VALIDATION_PART = 0.1  # the end of the text, which training never sees


def load_text(path=None):
    """The text of a UTF-8 file, or, without a path, of the documentation that Python carries.

    Raises InputError that names the file if it is missing, empty or not UTF-8.
    """
    if path is None:
        return _python_topics()
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as error:
        raise InputError(f"text '{path}': {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"text '{path}': not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        raise InputError(f"text '{path}': the file is empty")
    return text


def _python_topics():
    """The English of what `help("topics")` shows: whole sentences, without code and tables."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise InputError("this Python has no pydoc_data; name a text with --text FILE") from None
    paragraphs = "\n\n".join(topics[name] for name in sorted(topics)).split("\n\n")
    flat = ("\n".join(line.strip() for line in p.strip().split("\n")) for p in paragraphs)
    prose = (p for p in flat if p[:1].isupper() and p.endswith("."))
    return "\n\n".join(dict.fromkeys(prose))  # some topics share paragraphs


class CharTokenizer:
    """Numbers the different characters of a text, in the order of Unicode."""

    def __init__(self, text):
        self.chars = "".join(sorted(set(text)))
        self._ids = {char: i for i, char in enumerate(self.chars)}

    def __len__(self):
        return len(self.chars)

    def encode(self, text):
        """Text -> int64 tensor [len(text)]. InputError names a character that has no number."""
        try:
            return izvod.tensor([self._ids[char] for char in text], dtype=izvod.int64)
        except KeyError as error:
            raise InputError(f"{error} in the prompt does not occur in the text") from None

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Corpus:
    """A text as token ids, cut into a part to train on and a part to validate with."""

    def __init__(self, text, context_length, name):
        self.tokenizer = CharTokenizer(text)
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        self.context_length = context_length
        ids = self.tokenizer.encode(text)
        cut = round(len(ids) * (1 - VALIDATION_PART))
        self.train, self.val = ids[:cut], ids[cut:]
        shorter = min(len(self.train), len(self.val))
        if shorter <= context_length:
            raise InputError(
                f"{name}: too short for a context of {context_length}: of its {len(ids)} characters"
                f" {shorter} are left for validation, and {context_length + 1} are needed"
            )

    def batch(self, part, batch_size, generator):
        """Random windows of `part`: inputs and, one character on, targets; each [batch_size, T]."""
        length = self.context_length
        starts = izvod.randint(len(part) - length, (batch_size, 1), generator=generator)
        windows = part[starts + izvod.arange(length + 1)]
        return windows[:, :-1], windows[:, 1:]
