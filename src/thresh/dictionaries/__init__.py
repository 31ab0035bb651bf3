"""Dictionary learning: one file a method, one trainer."""

from thresh.dictionaries.formats import export, load
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.learn import learn
from thresh.dictionaries.learn_joint import learn_joint
from thresh.dictionaries.learn_store import learn_store
from thresh.dictionaries.registry import METHODS
from thresh.dictionaries.rows import ArrayRows, Rows, StoreRows
from thresh.dictionaries.training import Rhythm

__all__ = [
    "METHODS",
    "ArrayRows",
    "Dictionary",
    "Rhythm",
    "Rows",
    "StoreRows",
    "export",
    "learn",
    "learn_joint",
    "learn_store",
    "load",
]
