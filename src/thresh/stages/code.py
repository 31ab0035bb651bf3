"""Digest of the code that a stage runs: a real edit is seen, a comment or a docstring is not."""

import ast
import functools
import hashlib
import importlib.util
from pathlib import Path

from thresh.stages.digests import file_digest

PACKAGE = "thresh"


def code_digest(script: str | Path) -> str:
    """SHA-256 of the syntax trees of a script and of every module of thresh that it can import.

    Imports are followed wherever they stand, inside functions too, so that a stage may import the heavy
    parts only when it has to compute. Docstrings and comments do not count. Files of the imported packages that are
    no modules (templates, styles) count whole.

    Parameters
    ----------
    script
        The stage's command line, for example ``scripts/harvest.py``.
    """
    modules = imported_modules(script)
    return digest_of_files([Path(script), *modules.values()])


@functools.cache
def module_digest(name: str) -> str:
    """As `code_digest`, of a module of thresh and of every module that it can import."""
    path = module_path(name)
    modules = imported_modules(path, name)
    return digest_of_files([path, *modules.values()])


def digest_of_files(modules: list[Path]) -> str:
    trees = [tree_digest(path) for path in modules]
    data = [
        file_digest(path) for module in modules if module.name == "__init__.py" for path in package_data(module.parent)
    ]
    return hashlib.sha256("".join([*trees, *data]).encode()).hexdigest()


def package_data(package: Path) -> list[Path]:
    """Files of a package, below its folder and not in packages within, that Python does not import."""
    found = []
    for path in sorted(package.iterdir()):
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").exists():
            found.extend(
                file for file in sorted(path.rglob("*")) if file.is_file() and file.suffix not in (".py", ".pyc")
            )
    return found


def imported_modules(script: str | Path, module: str | None = None) -> dict[str, Path]:
    """Name and file of every module of thresh that a script, or a module of thresh, can import, sorted by name."""
    found: dict[str, Path] = {}
    waiting = list(imports_of(Path(script), module=module))
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
def package_root() -> Path:
    return Path(importlib.util.find_spec(PACKAGE).origin).parent


@functools.cache
def module_path(name: str) -> Path | None:
    """File of a module of thresh; None if the name is an attribute of a module rather than a module."""
    root = package_root()
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
