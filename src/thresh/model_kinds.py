"""Kinds of systems that are torch models: their layers are modules, and one forward pass gives all of them."""

MODELS = ("transformers", "torch", "timm")
