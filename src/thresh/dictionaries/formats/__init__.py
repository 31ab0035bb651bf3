"""Dictionaries in the files of other libraries: one file a format."""

from thresh.dictionaries.formats.places import folder_of
from thresh.dictionaries.formats.registry import CONFIGS, FORMATS, declared_units, export, format_of, load, read

__all__ = ["CONFIGS", "FORMATS", "declared_units", "export", "folder_of", "format_of", "load", "read"]
