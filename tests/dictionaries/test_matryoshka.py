"""Concepts of two levels: a child is only there with its parent."""

import numpy as np

from thresh.dictionaries import Dictionary, learn

from .planted import Planted

PARENTS, CHILDREN = 6, 4
FIRST = 8  # atoms of the first prefix


def family(rows: int = 10_000, units: int = 64) -> Planted:
    """Six parents, each in a fifth of the rows, in seven of ten of these with one of its four children."""
    random = np.random.default_rng(11)
    parents = random.random((rows, PARENTS)) < 0.2
    child = random.integers(CHILDREN, size=(rows, PARENTS, 1)) == np.arange(CHILDREN)
    children = child & (random.random((rows, PARENTS, 1)) < 0.7) & parents[:, :, None]
    present = np.concatenate([parents, children.reshape(rows, -1)], axis=1)
    z = present * random.uniform(0.75, 1.25, present.shape)
    directions = random.normal(size=(present.shape[1], units))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Planted((z @ directions).astype(np.float32), z, directions)


def detection(dictionary: Dictionary, planted: Planted) -> np.ndarray:
    """(atoms, features) F1 of each latent's activity as a detector of each feature."""
    active, present = dictionary.encode(planted.rows) > 0, planted.features > 0
    both = active.T.astype(float) @ present
    return 2 * both / (active.sum(axis=0)[:, None] + present.sum(axis=0))


def test_the_first_prefix_holds_the_parents_and_children_do_not_absorb_them():
    planted = family()
    of_parents, in_first, of_children, absorbed = {}, {}, {}, {}
    for method, params in (("matryoshka", {"groups": [FIRST]}), ("batchtopk", {})):
        run = {"epochs": 24, "batch_size": 128, "learning_rate": 5e-3, "dead_after": 1280}
        dictionary = learn(planted.rows, method, atoms=30, device="cpu", k=2, **run, **params)
        found = detection(dictionary, planted)
        of_parents[method] = found[:, :PARENTS].max(axis=0).mean()
        in_first[method] = found[:FIRST, :PARENTS].max(axis=0).mean()
        of_children[method] = found[:, PARENTS:].max(axis=0).mean()
        # A child's atom that has absorbed its parent points in the direction of their sum.
        parent_of_child = np.repeat(planted.directions[:PARENTS], CHILDREN, axis=0)
        atom_of_child = dictionary.atoms[found[:, PARENTS:].argmax(axis=0)]
        absorbed[method] = np.einsum("ij,ij->i", atom_of_child, parent_of_child).mean()
    assert in_first["matryoshka"] > 0.9 > 0.6 > in_first["batchtopk"]
    assert of_parents["matryoshka"] > of_parents["batchtopk"] + 0.05
    assert of_children["matryoshka"] > of_children["batchtopk"] + 0.05
    assert absorbed["matryoshka"] < 0.2 < 0.4 < absorbed["batchtopk"]
