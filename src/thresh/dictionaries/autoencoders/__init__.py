"""Sparse autoencoders: what their methods share."""
