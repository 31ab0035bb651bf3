"""The folder of a report: navigation, templates, assets and data files."""

from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import pandas as pd
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined

from thresh.report.outline import Outline
from thresh.report.words import number

ASSETS = ("report.css", "report.js")


@dataclass(frozen=True)
class Page:
    """One page to be written: its file, its template and what the template needs."""

    file: str
    template: str
    context: dict = field(default_factory=dict)


class Site:
    """Writes pages below a folder.

    Attributes
    ----------
    navigation
        (file, label) of every page, in order.
    """

    def __init__(self, folder: Path, outline: Outline, with_gallery: bool):
        self.folder = folder
        self.outline = outline
        self.navigation = [("index.html", "Overview")]
        self.navigation += [(comparison_file(name), name) for name in outline.comparisons]
        self.navigation += [("dictionaries.html", "Dictionaries")]
        self.navigation += [("evaluation.html", "Evaluation")] if outline.is_evaluated else []
        self.navigation += [("gallery.html", "Gallery")] if with_gallery else []
        self.navigation += [("methods.html", "Methods"), ("provenance.html", "Provenance")]
        self.templates = Environment(
            loader=PackageLoader("thresh.report"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters["number"] = number
        self.templates.globals.update(navigation=self.navigation, outline=outline, comparison_file=comparison_file)

    def write(self, page: Page) -> None:
        text = self.templates.get_template(page.template).render(page.context, file=page.file)
        (self.folder / page.file).write_text(text, encoding="utf-8")

    def write_assets(self) -> None:
        """Style, script, and Vega in one file, so that pages need no network."""
        folder = self.folder / "assets"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ASSETS:
            (folder / name).write_bytes((files("thresh.report") / "assets" / name).read_bytes())
        (folder / "vega.js").write_text(vl_convert.javascript_bundle(), encoding="utf-8")

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """The same table as CSV, for people, and as parquet, for programs."""
        table.to_csv(self.data_file(f"{name}.csv"), index=False)
        table.to_parquet(self.data_file(f"{name}.parquet"), index=False)

    def data_file(self, name: str) -> Path:
        (self.folder / "data").mkdir(exist_ok=True)
        return self.folder / "data" / name


def comparison_file(comparison: str) -> str:
    return f"comparison-{comparison}.html"
