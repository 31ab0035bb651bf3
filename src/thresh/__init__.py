"""Superposition-aware comparison of neural systems: harvest, learn dictionaries, infer codes, align."""

__version__ = "0.1.0"
