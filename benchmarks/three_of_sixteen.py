"""The set-up of O'Neill et al., 'Compute Optimal Inference and Provable Amortisation Gap in Sparse Autoencoders'.

x = z D: 16 features in 8 units, z = |N(0, 1)| for exactly 3 of them, 1024 rows to learn from and 1024 to be scored on.
"""

import numpy as np

from planting import Planted

FEATURES, UNITS, ACTIVE, ROWS = 16, 8, 3, 1024
# Code MCC of the paper: dictionary known, and unknown.
PUBLISHED = {
    "SAE (linear encoder)": (0.609, 0.566),
    "MLP, 256 hidden": (0.818, None),
    "optimisation of each row; sparse coding by Adam": (0.967, 0.691),
}


def three_of_sixteen(seed: int = 0, rows: int = 2 * ROWS) -> Planted:
    """Rows (rows, 8) float32, features (rows, 16) of which 3 are active, and directions (16, 8) of unit norm."""
    random = np.random.default_rng([seed, 0x3616])
    directions = random.normal(size=(FEATURES, UNITS))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    features = np.zeros((rows, FEATURES))
    active = random.random((rows, FEATURES)).argsort(axis=1)[:, :ACTIVE]
    np.put_along_axis(features, active, np.abs(random.normal(size=active.shape)), axis=1)
    return Planted((features @ directions).astype(np.float32), features, directions)
