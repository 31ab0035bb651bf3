"""Dictionary learning: one file a method, one trainer."""

from thresh.dictionaries.dictionary import Dictionary
from thresh.dictionaries.files import load
from thresh.dictionaries.learn import METHODS, learn
from thresh.dictionaries.learn_store import learn_store
from thresh.dictionaries.rows import ArrayRows, Rows, StoreRows

__all__ = ["METHODS", "ArrayRows", "Dictionary", "Rows", "StoreRows", "learn", "learn_store", "load"]
