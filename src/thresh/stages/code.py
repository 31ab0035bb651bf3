"""Digest of the code that a stage runs: a real edit is seen, a comment or a docstring is not."""

import ast
import functools
import hashlib
import importlib.util
from pathlib import Path

PACKAGE = "thresh"


def code_digest(script: str | Path) -> str:
    """SHA-256 of the syntax trees of a script and of every module of thresh that it can import.

    Imports are followed wherever they stand, inside functions too, so that a stage may import the heavy
    parts only when it has to compute. Docstrings and comments do not count.

    Parameters
    ----------
    script
        The stage's command line, for example ``scripts/harvest.py``.
    """
    trees = [tree_digest(Path(script)), *(tree_digest(path) for path in imported_modules(script).values())]
    return hashlib.sha256("".join(trees).encode()).hexdigest()


def imported_modules(script: str | Path) -> dict[str, Path]:
    """Name and file of every module of thresh that a script can import, sorted by name."""
    found: dict[str, Path] = {}
    waiting = list(imports_of(Path(script), module=None))
    while waiting:
        name = waiting.pop()
        path = module_path(name)
        if name in found or path is None:
            continue
        found[name] = path
        waiting.extend(imports_of(path, module=name))
        waiting.extend(parents(name))
    return dict(sorted(found.items()))


def parents(name: str) -> list[str]:
    """Importing a.b.c runs a and a.b as well."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


@functools.cache
def module_path(name: str) -> Path | None:
    """File of a module of thresh; None if the name is an attribute of a module rather than a module."""
    root = Path(importlib.util.find_spec(PACKAGE).origin).parent
    stem = root.joinpath(*name.split(".")[1:])
    for path in (stem.with_suffix(".py") if stem != root else root / "__init__.py", stem / "__init__.py"):
        if path.is_file():
            return path
    return None


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@functools.cache
def imports_of(path: Path, module: str | None) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute_source(node, path, module)
            # Both readings of `from a import b`: b may be a module or a name in a; module_path decides.
            names.append(source)
            names.extend(f"{source}.{alias.name}" for alias in node.names)
    return tuple(name for name in names if name.split(".")[0] == PACKAGE)


def absolute_source(node: ast.ImportFrom, path: Path, module: str | None) -> str:
    if not node.level or module is None:
        return node.module or ""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


@functools.cache
def tree_digest(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            drop_docstring(node)
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def drop_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:]
