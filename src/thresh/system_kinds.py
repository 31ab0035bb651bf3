"""Kinds of systems, as far as others must tell them apart."""

# Torch models: their layers are modules, and one forward pass gives all of them.
MODELS = ("transformers", "torch", "timm")

# Responses of brains, one row a stimulus.
RECORDINGS = ("nwb", "arrays")
