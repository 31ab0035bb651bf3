"""SAELens itself reads what thresh writes, and thresh what SAELens writes.

SAELens brings some 90 packages and is no dependency: in an environment of its own, for example

    python -m venv with_sae_lens && with_sae_lens/bin/pip install sae-lens pytest --editable .
    with_sae_lens/bin/python -m pytest tests/dictionaries/test_sae_lens.py
"""

import numpy as np
import pytest
import torch

from thresh.dictionaries import export, learn, load
from thresh.dictionaries.kinds.gated import GatedDictionary
from thresh.dictionaries.kinds.jumprelu import JumpReLUDictionary
from thresh.dictionaries.kinds.matching_pursuit import MatchingPursuitDictionary
from thresh.dictionaries.kinds.relu import ReLUDictionary
from thresh.dictionaries.kinds.topk import TopKDictionary

from .planted import plant

sae_lens = pytest.importorskip("sae_lens")

UNITS, ATOMS, K = 24, 64, 5


def numbers(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) / shape[-1] ** 0.5


def encoder():
    atoms = numbers(1, ATOMS, UNITS)
    atoms = atoms / atoms.norm(dim=1, keepdim=True)
    return atoms, atoms.T + 0.1 * numbers(2, UNITS, ATOMS)


BIAS = numbers(3, UNITS)
MADE = {
    "standard": lambda: ReLUDictionary(*encoder(), numbers(4, ATOMS), BIAS),
    "topk": lambda: TopKDictionary(*encoder(), numbers(4, ATOMS), K, BIAS),
    "topk of atoms of other lengths": lambda: TopKDictionary(
        *encoder(), numbers(4, ATOMS), K, BIAS, 1 + numbers(5, ATOMS)
    ),
    "jumprelu": lambda: JumpReLUDictionary(*encoder(), numbers(4, ATOMS), numbers(5, ATOMS).abs(), BIAS),
    "gated": lambda: GatedDictionary(*encoder(), numbers(4, ATOMS), numbers(5, ATOMS), numbers(6, ATOMS), BIAS),
    "matching_pursuit": lambda: MatchingPursuitDictionary(encoder()[0], K, BIAS),
    "matching_pursuit to a residual": lambda: MatchingPursuitDictionary(
        encoder()[0], 3 * K, BIAS, residual_threshold=0.4, stop_on_duplicate_support=True
    ),
}
LEARNED = {
    "relu": {},
    "topk": {"k": K},
    "batchtopk": {"k": K},
    "jumprelu": {},
    "gated": {},
    "mp": {"k": K},
}


def check(dictionary, folder, x):
    export(dictionary, folder)
    theirs = sae_lens.SAE.load_from_disk(folder)
    rows = torch.from_numpy(x)
    codes = dictionary.encode(rows)
    with torch.no_grad():
        # What SAELens has as lengths of atoms is a part of our codes.
        lengths = theirs.W_dec.norm(dim=1)
        found = theirs.encode(rows)
        assert (found * lengths - codes).abs().max() < 1e-5
        assert (theirs.decode(found) - dictionary.decode(codes)).abs().max() < 1e-5
    assert 0 < (codes != 0).float().mean() < 0.9


@pytest.mark.parametrize("case", MADE)
def test_sae_lens_gives_the_same_codes_and_rows(case, tmp_path):
    dictionary = MADE[case]()
    assert dictionary.architecture == case.split()[0]
    x = np.random.default_rng(0).standard_normal((200, UNITS)).astype(np.float32)
    check(dictionary, tmp_path, x / UNITS**0.5)


@pytest.mark.parametrize(
    ("method", "normalise"),
    # Pursuit on whitened rows is none on raw ones, and no architecture of SAELens.
    [(method, way) for method in LEARNED for way in ("scale", "whiten") if (method, way) != ("mp", "whiten")],
)
def test_so_it_does_for_what_was_learned(method, normalise, tmp_path):
    x = plant(rows=2000, features=40, units=UNITS, active=3).rows
    dictionary = learn(x, method, atoms=ATOMS, epochs=2, device="cpu", normalise=normalise, **LEARNED[method])
    check(dictionary, tmp_path, x)


@pytest.mark.parametrize("architecture", ["standard", "topk", "jumprelu", "gated", "matching_pursuit"])
@pytest.mark.parametrize("subtracted", [True, False])
def test_thresh_reads_what_sae_lens_writes(architecture, subtracted, tmp_path):
    from sae_lens.registry import get_sae_class

    kind, settings = get_sae_class(architecture)
    own = {"k": K} if architecture == "topk" else {}
    theirs = kind(settings(d_in=UNITS, d_sae=ATOMS, apply_b_dec_to_input=subtracted, **own))
    with torch.no_grad():
        for seed, (name, parameter) in enumerate(sorted(theirs.named_parameters())):
            parameter.copy_(
                numbers(seed, *parameter.shape).abs() if name == "threshold" else numbers(seed, *parameter.shape)
            )
    theirs.save_model(tmp_path)
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((100, UNITS)).astype(np.float32))
    mine = load(tmp_path)
    with torch.no_grad():
        codes = theirs.encode(x)
        assert (mine.encode(x) - codes * theirs.W_dec.norm(dim=1)).abs().max() < 1e-5
        assert (mine.decode(mine.encode(x)) - theirs.decode(codes)).abs().max() < 1e-5
