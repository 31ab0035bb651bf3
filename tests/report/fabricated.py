"""A small tree of results as the workflow leaves it: planted pairs, four networks of three layers, a recording."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from thresh.config import Config
from thresh.stimuli import Stimuli, prepare
from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, seal, write_codes

NETWORKS = ("resnet_a", "resnet_b", "vit", "resnet_untrained")
LAYERS = ("stage1", "stage2", "stage3")
CKA, DEBIASED = "linear_cka", "linear_cka_debiased"
# (raw, theory, learned, random) of the two planted pairs, as the quickstart measures them.
PLANTED = {"planted_full": (0.270, 0.274, 0.990, 0.42), "planted_partial": (0.344, 0.337, 0.667, 0.24)}
TRUTH = {"planted_full": 1.0, "planted_partial": 2 / 3}


def study_config() -> dict:
    """A config with all its defaults, as the workflow hands it over."""
    codes = {
        "learned": {"dictionary": "topk", "inference": "encoder"},
        "random": {"dictionary": "random", "inference": "omp", "role": "control"},
    }
    layers = {layer: {"module": layer, "pooling": "positions"} for layer in LAYERS}
    small = {"kind": "transformers", "stimuli": "digits", "layers": layers}
    planted = {"kind": "planted", "units": 48}
    config = {
        "results": "results/fabricated",
        "small_models": {
            name: {"architecture": "vit" if name == "vit" else "resnet", "stimuli": "digits"} for name in NETWORKS[:3]
        },
        "simulated_recordings": {"population": {"stimuli": "digits"}},
        "stimuli": {
            "digits": {"kind": "digits"},
            "features_full": {"kind": "features", "samples": 4000, "features": 128, "probability": 0.05},
            "features_partial": {"kind": "features", "samples": 4000, "features": 64, "probability": 0.05},
        },
        "systems": {
            **{name: small | {"model": name} for name in NETWORKS[:3]},
            "resnet_untrained": small | {"model": "resnet_a", "untrained": True},
            "brain": {"kind": "nwb", "stimuli": "digits", "file": "population"},
            "full_a": planted | {"stimuli": "features_full"},
            "full_b": planted | {"stimuli": "features_full", "seed": 1},
            "partial_a": planted | {"stimuli": "features_partial", "features": [0, 48]},
            "partial_b": planted | {"stimuli": "features_partial", "features": [16, 64], "seed": 1},
        },
        "dictionaries": {
            "topk": {"method": "topk", "params": {"k": 8}, "repeats": 2},
            "random": {"method": "random"},
        },
        "inference": {
            "encoder": {"solver": "encoder", "dictionaries": ["topk"]},
            "omp": {"solver": "omp", "dictionaries": ["random"], "params": {"k": 8}},
        },
        "alignment": {
            "planted_full": {"systems": ["full_a", "full_b"], "metrics": [CKA, "matched_fraction"]},
            "planted_partial": {"systems": ["partial_a", "partial_b"], "metrics": [CKA, "matched_fraction"]},
            "networks": {"systems": list(NETWORKS), "metrics": [CKA, DEBIASED, "one_to_one_matching"]},
            "brain": {"pairs": [[name, "brain"] for name in NETWORKS], "metrics": [DEBIASED, "linear_predictivity"]},
        },
        "evaluation": {
            "probes": {
                "digit": {"stimuli": "digits", "attribute": "label", "sizes": [1, 4], "systems": list(NETWORKS)},
                "ink": {"stimuli": "digits", "attribute": "ink", "kind": "quantity", "systems": ["vit"]},
            },
            "splices": {"classes": {"systems": ["vit"], "layers": {"vit": ["stage2"]}}},
        },
        "report": {
            "title": "Quickstart, fabricated",
            "galleries": [
                {"a": ["resnet_a", "stage2"], "b": ["resnet_b", "stage2"], "representation": codes["learned"]}
            ],
        },
    }
    for comparison in config["alignment"].values():
        comparison["representations"] = codes
    return Config.model_validate(config).model_dump(mode="json")


def score(representation: str, role: str, metric: str, value: float, **more) -> dict:
    """One row of a score table without the names of the pair."""
    return (
        {
            "representation": representation,
            "role": role,
            "metric": metric,
            "direction": "both",
            "score": value,
            "expected": np.nan,
            "ceiling": np.nan,
            "stimuli": 450,
            "rows": 450,
            "units_a": 48,
            "units_b": 48,
            "error": "",
            "detail": "{}",
        }
        | worth(value, role)
        | more
    )


def worth(value: float, role: str) -> dict:
    """What statistics say: an interval of -+ .04, chance at .02 -+ .01; nothing of shuffled stimuli."""
    if role == "shuffled":
        nothing = dict.fromkeys(("low", "high", "standard_error", "chance", "critical", "p", "calibrated"), np.nan)
        return nothing | {"tested": np.nan, "tested_rows": np.nan, "over": "", "null": [], "convergence": "[]"}
    null = np.linspace(0.01, 0.03, 99)
    return {
        "low": value - 0.04,
        "high": value + 0.04,
        "standard_error": 0.02,
        "over": "stimuli",
        "chance": 0.02,
        "critical": 0.03,
        "tested": value,
        "tested_rows": 450,
        "p": (1 + int((null >= value).sum())) / 100,
        "calibrated": max(0.0, (value - 0.03) / 0.97),
        "null": null.tolist(),
        "convergence": json.dumps([[56, value - 0.02, 0.05], [112, value - 0.01, 0.03], [225, value, 0.02]]),
    }


def write_scores(results: Path, comparison: str, a: tuple[str, str], b: tuple[str, str], rows: list[dict]) -> None:
    folder = results.joinpath("alignment", comparison, *a, *b)
    folder.mkdir(parents=True, exist_ok=True)
    names = {"a_system": a[0], "a_layer": a[1], "b_system": b[0], "b_layer": b[1]}
    # As align_pair writes it: the comparison is told by the folder alone.
    pd.DataFrame([names | row for row in rows]).to_parquet(folder / "scores.parquet", index=False)


def planted_rows(
    comparison: str, raw: float, theory: float, learned: float, random: float, matched_random=0.01
) -> list:
    truth, count = TRUTH[comparison], {"stimuli": 1000, "rows": 1000}
    rows = []
    for metric in (CKA, DEBIASED):
        rows += [
            score("raw", "raw", metric, raw, expected=theory, **count),
            score("learned", "codes", metric, learned, expected=truth, **count),
            score("random", "control", metric, random, **count),
            score("raw shuffled", "shuffled", metric, 0.001, **count),
        ]
    return [
        *rows,
        score("raw", "raw", "matched_fraction", 0.0, **count),
        score("learned", "codes", "matched_fraction", learned - 0.01, expected=truth, **count),
        score("random", "control", "matched_fraction", matched_random, **count),
    ]


def write_planted(results: Path, numbers: dict[str, tuple] = PLANTED, matched_random: float = 0.01) -> None:
    for comparison, values in numbers.items():
        kind = comparison.removeprefix("planted_")
        rows = planted_rows(comparison, *values, matched_random=matched_random)
        write_scores(results, comparison, (f"{kind}_a", "units"), (f"{kind}_b", "units"), rows)


def write_networks(results: Path) -> None:
    """Layers agree near the diagonal, codes a little less, controls less; one score is not defined."""
    for place, a in enumerate(NETWORKS):
        for b in NETWORKS[place + 1 :]:
            for i, a_layer in enumerate(LAYERS):
                for j, b_layer in enumerate(LAYERS):
                    base = 0.9 - 0.22 * abs(i - j) - 0.08 * place - (0.3 if "untrained" in b else 0.0)
                    rows = [
                        score(name, role, metric, base * share - (metric == DEBIASED) * 0.02)
                        for metric in (CKA, DEBIASED, "one_to_one_matching")
                        for name, role, share in (
                            *(("raw", "raw", 1.0), ("learned", "codes", 0.85)),
                            *(("random", "control", 0.6), ("raw shuffled", "shuffled", 0.02)),
                        )
                    ]
                    if (a, b, i, j) == ("resnet_a", "vit", 0, 2):
                        rows[1] |= {"score": np.nan, "error": "resnet_a/stage1 (learned): found 64 constant units."}
                    write_scores(results, "networks", (a, a_layer), (b, b_layer), rows)


CEILINGS = {"a_to_b": 0.85}  # where the brain is predicted


def write_brain(results: Path) -> None:
    for place, name in enumerate(NETWORKS):
        for i, layer in enumerate(LAYERS):
            top = 0.55 + 0.1 * (i == 1) - 0.05 * place
            rows = [
                score(shown, role, metric, top * share, direction=direction, ceiling=CEILINGS.get(direction, np.nan))
                for metric, direction in (
                    *((DEBIASED, "both"), ("linear_predictivity", "a_to_b")),
                    ("linear_predictivity", "b_to_a"),
                )
                for shown, role, share in (
                    *(("raw", "raw", 1.0), ("learned", "codes", 0.93)),
                    *(("random", "control", 0.8), ("raw shuffled", "shuffled", -0.03)),
                )
            ]
            write_scores(results, "brain", (name, layer), ("brain", "responses"), rows)


def write_dictionaries(results: Path) -> None:
    generator = np.random.default_rng(0)
    systems = {**dict.fromkeys(NETWORKS, LAYERS), "brain": ("responses",)}
    systems |= dict.fromkeys(("full_a", "full_b", "partial_a", "partial_b"), ("units",))
    for system, layers in systems.items():
        for depth, layer in enumerate(layers):
            for dictionary, inference in (("topk", "encoder"), ("random", "omp")):
                learned = dictionary == "topk"
                facts = {"explained_variance": 0.93 - 0.05 * depth if learned else 0.41, "mse": 0.1, "cosine": 0.96}
                facts |= {
                    "l0": 8.0,
                    "density_counts": [1, 2],
                    "dead": 0.02 if learned else 0.0,
                    "atoms": 192,
                    "units": 48,
                    "rows": 450,
                }
                if system.startswith(("full", "partial")):
                    facts |= {"matched_correlation": 0.97 if learned else 0.21, "matched_cosine": 0.98}
                    facts |= {"random_matched_correlation": 0.19, "random_matched_cosine": 0.31}
                path = results / "evaluation" / system / layer / dictionary / f"{inference}.json"
                write_json(path, {"digest": "0" * 64, "facts": facts})
            if system != "brain":  # a dictionary without curves
                steps = np.arange(0, 2001, 100)
                lines = [
                    {
                        "step": int(step),
                        "epoch": int(step) // 100,
                        "loss": float(np.exp(-step / 400) + 0.1 + 0.01 * generator.random()),
                        "explained_variance": float((0.93 - 0.05 * depth) * (1 - np.exp(-step / 300))),
                        "l0": 8.0,
                        "dead": float(0.2 * np.exp(-step / 500)),
                    }
                    for step in steps
                ]
                path = results / "dictionaries" / system / layer / "topk" / "curves.jsonl"
                path.parent.mkdir(parents=True)
                path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")


# Balanced accuracy of one column, by what it is of.
ONE_COLUMN = {"activations": 0.71, "codes/topk/encoder": 0.83, "codes/random/omp": 0.64}


def write_evaluation(results: Path) -> None:
    """Probes of every layer of the networks, one splice of two dictionaries, stability of all that has repeats."""
    counts = {"columns": 48, "train": 1347, "in": 400, "out": 50, "learned_on_out": True}
    for system in NETWORKS:
        for layer in LAYERS:
            for place, one in ONE_COLUMN.items():
                facts = counts | {"probe_1_in": one, "probe_4_in": one + 0.08, "probe_all_in": 0.97}
                facts |= {"probe_1_out": one - 0.1, "probe_4_out": one - 0.05, "probe_all_out": None}
                if place != "activations":
                    facts |= {"plausibility": 0.61, "random_plausibility": 0.42}
                path = results / "probes" / "digit" / system / layer / f"{place}.json"
                write_json(path, {"digest": "0" * 64, "facts": facts})
                if system == "vit":
                    facts = counts | {"quantity_correlation_in": one, "quantity_r2_in": one**2}
                    path = results / "probes" / "ink" / system / layer / f"{place}.json"
                    write_json(path, {"digest": "0" * 64, "facts": facts})
    for codes, spliced in (("topk/encoder", 0.4), ("random/omp", 1.9)):
        facts = {"stimuli": 450, "predictions": 450, "ce_original": 0.2, "ce_spliced": spliced, "ce_zero": 2.2}
        facts |= {"ce_mean": 2.0, "recovered_zero": (2.2 - spliced) / 2, "recovered_mean": None}
        path = results / "splices" / "classes" / "vit" / "stage2" / f"{codes}.json"
        write_json(path, {"digest": "0" * 64, "facts": facts})
    for system, layer in (("vit", "stage1"), ("full_a", "units")):
        facts = {"dictionaries": 2, "stability_cosine": 0.87, "random_stability_cosine": 0.31}
        write_json(results / "stability" / system / layer / "topk.json", {"digest": "0" * 64, "facts": facts})


def write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_activations(path: Path, values: np.ndarray, stimuli: Stimuli, facts: dict) -> None:
    """A sealed store with one row a stimulus."""
    spec = ActivationsSpec(
        rows={"stimulus": np.arange(len(values)), "position": np.full(len(values), -1)},
        units={"unit": np.arange(values.shape[1])},
        stimuli={"id": stimuli.ids, "hash": stimuli.hashes},
        dtype="float32",
        attributes={"facts": facts},
    )
    shards = lay_out_activations(path, spec)
    ShardWriter(path, list(range(len(shards))), lambda index, digest: None).put(0, values.astype(np.float32))
    seal(path)


def write_stores(results: Path) -> None:
    """Stimuli, and codes of two networks whose atoms are the same up to a permutation and some noise."""
    digits = prepare("digits", "digits")
    (results / "stimuli").mkdir(parents=True, exist_ok=True)
    digits.save(results / "stimuli" / "digits.zarr")
    generator = np.random.default_rng(0)
    label = digits.attributes["label"]
    prototypes = generator.random((24, 10)) * (generator.random((24, 10)) < 0.3)
    pixels = np.stack([np.asarray(digits.image(i), float).ravel() for i in range(len(digits))]) / 255
    filters = generator.standard_normal((pixels.shape[1], 24))
    drive = prototypes[:, label].T * 2 + 0.25 * pixels @ filters
    shared = np.maximum(drive - np.quantile(drive, 0.8, axis=0), 0)
    order = generator.permutation(24)
    sides = {"resnet_a": shared, "resnet_b": shared[:, order]}
    for system, codes in sides.items():
        noisy = np.where(codes > 0, np.maximum(codes + 0.15 * generator.standard_normal(codes.shape), 0), 0)
        dead = np.zeros((len(noisy), 2))
        path = results / "codes" / system / "stage2" / "topk" / "encoder.zarr"
        path.parent.mkdir(parents=True)
        write_codes(path, [csr_array(np.c_[noisy, dead].astype(np.float32))], len(noisy), 26, {})
        values = generator.standard_normal((len(digits), 8))
        write_activations(
            results / "activations" / system / "stage2.zarr",
            values,
            digits,
            {"source": "fabricated", "simulated": False},
        )


def write_provenance(results: Path) -> None:
    for stage, path, seconds in (
        ("align", "alignment/networks/resnet_a/stage1/vit/stage3", 2.5),
        ("harvest", "activations/resnet_a/parts/0", 7),
        ("align", "alignment/networks/gone/stage1/vit/stage3", 100),  # left by an earlier config
        ("report", "report/index", 50),  # of the last time
    ):
        write_json(
            results / f"{path}.provenance",
            {
                "stage": stage,
                "key": stage.ljust(64, "0"),
                "finished": "2026-11-05T10:00:00+00:00",
                "seconds": seconds,
                "commit": "c0ffee" * 6 + "beef",
                "versions": {"thresh": "0.1.0", "torch": "2.13.0"},
                "python": "3.12.3",
                "host": "bench",
                "processor": "two cores",
                "cores": 2,
                "accelerator": "",
            },
        )


def write_results(results: Path) -> dict:
    """The whole tree; returns the config."""
    write_planted(results)
    write_networks(results)
    write_brain(results)
    write_dictionaries(results)
    write_evaluation(results)
    write_stores(results)
    write_provenance(results)
    for name in NETWORKS[:3]:
        write_json(results / "models" / f"{name}.json", {"digest": "0" * 64, "facts": {"test_accuracy": 0.967}})
    return study_config()
