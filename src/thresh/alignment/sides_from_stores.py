"""The two sides of a comparison, read from stores: one vector a stimulus, raw and in codes."""

from pathlib import Path

import numpy as np

from thresh.alignment.compare import Side, View
from thresh.alignment.large_sides import responses
from thresh.store import open_activations, open_codes


def read_side(
    system: str,
    layer: str,
    activations: Path,
    codes: dict[str, tuple[str, Path]],
    selected: np.ndarray,
    pooling: str,
    blocks: np.ndarray | None = None,
) -> Side:
    """One layer with all its representations, pooled to stimuli; what is large stays on disk, see `large_sides`.

    Parameters
    ----------
    activations
        Store of the layer.
    codes
        Name -> (role, store) of the codes of that layer.
    selected
        (stimuli of the set,) boolean: stimuli to compare on.
    pooling
        Rule from rows to stimuli; see `thresh.store.pool`.
    blocks
        (stimuli of the set,) labels of stimuli that are exchangeable only with each other.
    """
    store = open_activations(activations)
    rows = store.rows["stimulus"].to_numpy()
    keep = selected[rows]
    stimuli, raw = responses(store, rows, keep, pooling)
    views = {"raw": View("raw", raw)}
    for name, (role, path) in codes.items():
        views[name] = View(role, responses(open_codes(path), rows, keep, pooling)[1])
    return Side(
        system=system,
        layer=layer,
        ids=store.stimuli["id"].to_numpy()[stimuli],
        hashes=store.stimuli["hash"].to_numpy()[stimuli],
        views=views,
        ceiling=store.units["ceiling"].to_numpy() if "ceiling" in store.units else None,
        subjects=store.units["subject"].to_numpy() if "subject" in store.units else None,
        blocks=None if blocks is None else blocks[stimuli],
        planted=store.attrs["facts"].get("planted"),
    )
