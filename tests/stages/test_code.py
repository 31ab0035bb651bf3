"""The digest of a stage's code sees a real edit and nothing else, and follows every import that really happens."""

import subprocess
import sys
from pathlib import Path

import pytest

from thresh.stages import imported_modules
from thresh.stages.code import tree_digest

SCRIPTS = sorted((Path(__file__).parents[2] / "scripts").glob("*.py"))

ORIGINAL = '"""What it is."""\n\n\ndef f(x):\n    """Twice x."""\n    return 2 * x  # why\n'


@pytest.mark.parametrize(
    ("edited", "same"),
    [
        (ORIGINAL.replace("# why", "# because"), True),
        (ORIGINAL.replace("Twice x", "Double of x"), True),
        (ORIGINAL.replace("\n\n\ndef", "\n\n\n\n\ndef"), True),
        (ORIGINAL.replace("2 * x", "3 * x"), False),
        (ORIGINAL.replace("f(x)", "f(x, y=1)"), False),
    ],
)
def test_comments_docstrings_and_blank_lines_do_not_count(tmp_path, edited, same):
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(ORIGINAL)
    after.write_text(edited)
    assert (tree_digest(before) == tree_digest(after)) is same


def test_a_template_of_an_imported_package_counts(tmp_path):
    package = tmp_path / "thresh"
    (package / "report" / "templates").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "report" / "__init__.py").write_text("")
    script = tmp_path / "report.py"
    script.write_text("import thresh.report")
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2] / 'src')!r})\n"
        "import thresh.stages.code as code\n"
        f"from pathlib import Path; code.package_root = lambda: Path({str(package)!r})\n"
        f"print(code.code_digest({str(script)!r}))"
    )

    def digest():
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    template = package / "report" / "templates" / "page.html"
    template.write_text("<p>one")
    before = digest()
    assert digest() == before
    template.write_text("<p>two")
    assert digest() != before


STAGES = [script for script in SCRIPTS if "run_" in script.read_text() and "stage" in script.read_text()]


@pytest.mark.parametrize("script", STAGES, ids=lambda path: path.stem)
def test_every_module_that_a_stage_imports_is_in_its_list(script):
    """Imports each listed module in a fresh interpreter and looks at what came with it."""
    listed = set(imported_modules(script))
    program = (
        "import importlib, sys\n"
        f"sys.argv = ['x']\nfor name in {sorted(listed)!r}:\n    importlib.import_module(name)\n"
        "print(*sorted(name for name in sys.modules if name.split('.')[0] == 'thresh'))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) == listed


def test_stages_know_none_of_the_science():
    """A hit must not import what computes: the command line stands on thresh.stages alone."""
    program = "import sys, thresh.stages; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "zarr", "numpy", "snakemake"} & set(run.stdout.split())
