from dataclasses import dataclass
from pathlib import Path

import pytest

from thresh.report import build_report

from . import fabricated


@dataclass
class Built:
    """A report on the fabricated results."""

    config: dict
    results: Path
    folder: Path
    facts: dict

    def page(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Built:
    root = tmp_path_factory.mktemp("study")
    config = fabricated.write_results(root / "results")
    folder = root / "report"
    folder.mkdir()
    return Built(config, root / "results", folder, build_report(config, root / "results", folder))
