"""The way that autoencoders take on a GPU, taken on the CPU: other kernels, the same numbers."""

import numpy as np
import pytest
import torch

from thresh.dictionaries import learn
from thresh.evaluation import matched_cosine

from .by_hand import AUTOENCODERS, RESTLESS, begin, drive
from .planted import plant

# Modules that have a way of their own for the CPU.
MODULES = ("autoencoders.sparse", "autoencoders.run", "methods.batchtopk")


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    for module in MODULES:
        monkeypatch.setattr(f"thresh.dictionaries.{module}.on_cpu", lambda tensor: False)


@pytest.fixture(scope="module")
def planted():
    return plant(rows=3000, features=24, units=32, active=2)


def of_method(method: str) -> dict:
    blocks = {"blocks": [16, 16]} if method == "universal" else {}
    sparse = ("topk", "batchtopk", "matryoshka", "mp", "archetypal", "relaxed_archetypal", "universal")
    return blocks | ({"k": 3} if method in sparse else {})


@pytest.mark.parametrize("method", AUTOENCODERS)
def test_a_gpus_way_learns_what_the_cpus_does(planted, method, request):
    params = of_method(method) | RESTLESS
    members = [{"seed": 3}, {"seed": 4}]
    by_cpu = drive(begin(method, planted.rows, 40, *members, **params), planted.rows).dictionaries()
    request.getfixturevalue("as_on_a_gpu")
    by_gpu = drive(begin(method, planted.rows, 40, *members, **params), planted.rows).dictionaries()
    for one, other in zip(by_cpu, by_gpu, strict=True):
        for name, tensor in one.tensors().items():
            # Sums in another order differ by rounding, which 24 steps of Adam may enlarge.
            np.testing.assert_allclose(other.tensors()[name], tensor, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("method", AUTOENCODERS)
def test_in_bfloat16_the_same_is_found_as_in_float32(planted, method, as_on_a_gpu, monkeypatch):
    params = of_method(method) | {"atoms": 24, "device": "cpu", "epochs": 20, "batch_size": 128, "learning_rate": 5e-3}
    full = learn(planted.rows, method, **params)
    monkeypatch.setattr("thresh.dictionaries.autoencoders.run.computes_in_half", lambda device: True)
    half = learn(planted.rows, method, **params)
    assert all(tensor.dtype == torch.float32 for tensor in half.tensors().values())
    assert half.facts["explained_variance"] == pytest.approx(full.facts["explained_variance"], abs=0.03)
    found, known = (matched_cosine(each.atoms, planted.directions) for each in (half, full))
    assert found == pytest.approx(known, abs=0.05)
