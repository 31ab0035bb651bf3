"""Dictionaries as they are used and kept: one file for each way to codes."""

from thresh.dictionaries.kinds.dictionary import Dictionary
from thresh.dictionaries.kinds.files import ARCHITECTURES, dictionary_of, save, write_text

__all__ = ["ARCHITECTURES", "Dictionary", "dictionary_of", "save", "write_text"]
