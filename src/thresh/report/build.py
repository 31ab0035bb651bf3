"""A study's results as a folder of pages that open from disk without network."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from thresh.report import comparison_words, data, pages, planted, planted_words
from thresh.report.evaluation import evaluation_page
from thresh.report.gallery import make_gallery
from thresh.report.outline import Outline
from thresh.report.site import Site


def build_report(
    config: dict, results: Path, folder: Path, *, progress: Callable[[int, int, str], None] | None = None
) -> dict:
    """Write index.html and its pages, data and pictures.

    Parameters
    ----------
    config
        The whole study config with all defaults (`Config.model_dump(mode='json')`).
    results
        Root of the study's results.
    folder
        Empty folder for the pages; nothing outside it is written.
    progress
        Called as progress(done, total, label) after each page.

    Returns
    -------
    dict
        Counts (pages, scores, scores that are not defined, missing pairs of layers, thumbnails), `summary` (the
        claims of the overview) and `headline` (planted pair -> its main numbers).

    Raises
    ------
    StoreError, StimuliError
        A store that a gallery needs is missing or not complete.
    """
    results, folder = Path(results), Path(folder)
    outline = Outline(config)
    outline.facts = data.read_facts(results, outline)
    scores, missing = data.read_scores(results, outline)
    deflation = planted.deflation(scores, outline)
    told_by = {name: sentences_of(name, scores, deflation, outline) for name in outline.comparisons}
    of_planted = planted_words.planted_sentences(deflation)

    site = Site(folder, outline, with_gallery=bool(config["report"]["galleries"]))
    site.write_assets()
    total = len(site.navigation)
    done = 0

    def told(label: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, label)

    for comparison in outline.comparisons:
        mine = scores[scores["comparison"] == comparison]
        site.write(pages.comparison_page(mine, comparison, told_by[comparison], outline))
        site.write_table(comparison, mine)
        told(comparison)
    evaluations, splits = data.read_evaluations(results, outline), data.read_splits(results, outline)
    site.write(pages.dictionaries_page(data.read_curves(results, outline), evaluations, splits, outline))
    site.write_table("dictionaries", evaluations)
    told("dictionaries")
    if outline.is_evaluated:
        found = {
            "probes": data.read_probes(results, outline),
            "splices": data.read_splices(results, outline),
            "stability": data.read_stability(results, outline),
        }
        site.write(evaluation_page(**found, outline=outline))
        for name, table in found.items():
            site.write_table(name, table)
        told("evaluation")
    galleries = [make_gallery(results, config, gallery, folder) for gallery in config["report"]["galleries"]]
    if galleries:
        site.write(pages.gallery_page(galleries, outline))
        told("gallery")
    site.write(pages.methods_page(scores, outline, site))
    told("methods")
    site.write(pages.provenance_page(data.read_provenance(results, outline), outline, site))
    told("provenance")
    models = data.read_models(results, outline)
    site.write(pages.overview_page(scores, missing, deflation, of_planted, told_by, models, outline))
    told("overview")
    return {
        "pages": len(site.navigation),
        "scores": len(scores),
        "undefined_scores": int(scores["score"].isna().sum()),
        "missing_pairs_of_layers": missing,
        "thumbnails": sum(1 for _ in (folder / "thumbnails").rglob("*.png")),
        "summary": [sentence.claim for sentence in (*of_planted, *not_planted(told_by, outline))],
        "headline": planted.headline(deflation),
    }


def sentences_of(comparison: str, scores: pd.DataFrame, deflation: pd.DataFrame, outline: Outline) -> list:
    """What one comparison shows, in sentences."""
    if outline.is_planted_comparison(comparison):
        return planted_words.planted_sentences(deflation[deflation["comparison"] == comparison])
    return comparison_words.comparison_sentences(scores, comparison, outline)


def not_planted(told_by: dict[str, list], outline: Outline) -> list:
    return [one for name, told in told_by.items() if not outline.is_planted_comparison(name) for one in told]
