"""Chunked Zarr stores: activations and sparse codes, written whole, read in order or shuffled."""

from thresh.store.activations import Activations, ActivationsSpec, lay_out_activations, open_activations, seal
from thresh.store.codes import Codes, open_codes, write_codes
from thresh.store.joined import JoinedActivations
from thresh.store.pooling import pool, pool_store
from thresh.store.row_table import RowTable
from thresh.store.shuffle import batches_in_epoch, shuffled_batches
from thresh.store.writer import ShardWriter

__all__ = [
    "Activations",
    "ActivationsSpec",
    "Codes",
    "JoinedActivations",
    "RowTable",
    "ShardWriter",
    "batches_in_epoch",
    "lay_out_activations",
    "open_activations",
    "open_codes",
    "pool",
    "pool_store",
    "seal",
    "shuffled_batches",
    "write_codes",
]
