"""Local files and folders that a study reads but does not make."""

import functools
import importlib.metadata
import importlib.util
import os
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path

from thresh.errors import ThreshError
from thresh.stages.canonical import digest_of
from thresh.stages.digests import file_digest
from thresh.study import Study

# A table of images may name thousands of folders.
MOST_FOLDERS = 16


def made_by_study(study: Study, system: str) -> tuple[str, str] | None:
    """('models' | 'recordings', name) where the study itself makes what a system is read from; None elsewhere."""
    content = study.config.systems[system]
    if content.kind == "transformers" and content.model in study.config.small_models:
        return "models", content.model
    if content.kind == "nwb" and content.file in study.config.simulated_recordings:
        return "recordings", content.file
    return None


def system_sources(study: Study, system: str) -> list[str]:
    """Files and folders that a system is read from; a hub name is none. What is missing is named too."""
    content = study.config.systems[system]
    if content.kind == "transformers":
        return [content.model] if Path(content.model).is_dir() else []
    if content.kind == "torch":
        tokenizer = [content.tokenizer] if content.tokenizer and Path(content.tokenizer).is_dir() else []
        return [*([content.weights] if content.weights else []), *tokenizer]
    if content.kind == "timm":
        return [content.weights] if content.weights else []
    if content.kind == "nwb":
        return [content.file]
    if content.kind == "arrays":
        return [content.responses, *([content.ids] if content.ids and Path(content.ids).is_file() else [])]
    return []


def dictionary_files(study: Study, place: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Name and file, for each file of a local folder that a dictionary of a layer (system/layer) is imported from."""
    system, _, layer = place.partition("/")
    sources = {name: study.source(name, (system, layer)) for name in names}
    folders = {name: Path(source["path"], source["subfolder"]) for name, source in sources.items() if source}
    return [(name, file) for name, folder in folders.items() if folder.is_dir() for file in folder_files(str(folder))]


def factory_code(study: Study, system: str) -> str:
    """Digest of the code that a torch system's factory may stand in; '' for systems of other kinds.

    The workflow hands it over as a part of the stage's code: one digest, for the files may be thousands.
    """
    content = study.config.systems[system]
    return factory_digest(content.factory, content.search_path) if content.kind == "torch" else ""


def factory_digest(factory: str, search_path: str | None) -> str:
    """Digest of the contents of all Python files below a factory's search path, or else of its top package.

    Of a package that pip or conda installed, its version counts instead.
    """
    if search_path is not None:
        return digest_of(python_files(search_path))
    package = factory.partition(":")[0].partition(".")[0]
    try:
        # Finds a top package without importing it: a user's own may be slow to import, or need a GPU.
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    return digest_of([] if found is None else installed_versions(package, found) or package_files(found))


def installed_versions(package: str, found: ModuleSpec) -> dict[str, str]:
    """Distribution -> version, of a package that stands where packages are installed; none of a user's checkout."""
    places = found.submodule_search_locations or [found.origin or ""]
    if not any(folder in Path(place).parts for place in places for folder in ("site-packages", "dist-packages")):
        return {}
    return {name: importlib.metadata.version(name) for name in sorted(set(distributions().get(package, ())))}


distributions = functools.cache(importlib.metadata.packages_distributions)


def package_files(found: ModuleSpec) -> list:
    """As `python_files`, for a package or a single module."""
    if found.submodule_search_locations:
        return [python_files(folder) for folder in found.submodule_search_locations]
    return [file_digest(Path(found.origin))] if found.has_location else []


def python_files(folder: str) -> list[tuple[str, str]]:
    """Relative path and digest of the content of every Python file below a folder.

    Hidden folders and installed packages are passed over: environments stand there, not code that a user edits.
    """
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "site-packages")
        files = (Path(place, name) for name in sorted(names) if name.endswith(".py"))
        found += [(str(file.relative_to(folder)), file_digest(file)) for file in files if file.is_file()]
    return found


def versions(study: Study, system: str) -> dict[str, str]:
    """Versions of the packages that compute a system's responses: another one may give other last digits."""
    packages = {
        "transformers": ("torch", "transformers", "tokenizers", "sentencepiece", "tiktoken", "pillow", "torchvision"),
        "torch": ("torch", "transformers", "tokenizers", "pillow"),
        "timm": ("torch", "timm", "pillow", "torchvision"),
        "pixels": ("pillow",),
    }
    return {package: installed(package) for package in packages.get(study.config.systems[system].kind, ())}


def installed(package: str) -> str:
    """Version of a package; that one of an extra is missing is told by the check of the system that needs it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def stimuli_sources(study: Study, stimuli: str) -> list[str]:
    """Files and folders that a stimulus set is read from, missing ones too; a dataset on the hub is none."""
    content = study.config.stimuli[stimuli]
    named = [getattr(content, key, None) for key in ("folder", "file", "array", "table", "attributes")]
    found = [path for path in named if path is not None]
    if getattr(content, "table", None) is not None:
        found += image_folders(content.table)
    dataset = getattr(content, "dataset", None)
    return [*found, dataset.name] if dataset is not None and Path(dataset.name).exists() else found


def image_folders(table: str) -> list[str]:
    """Folders of the images that a table names: few, for they stand on a command line."""
    from thresh.stimuli.tables import image_paths

    try:
        paths = image_paths("table", table)
    except ThreshError:
        return []  # told when the set is prepared
    folders = {os.path.dirname(os.path.abspath(os.path.join(os.path.dirname(table), path))) for path in paths}
    while len(folders) > MOST_FOLDERS:
        depth = max(folder.count(os.sep) for folder in folders)
        folders = {os.path.dirname(folder) if folder.count(os.sep) == depth else folder for folder in folders}
    outermost = [one for one in folders if not any(Path(other) in Path(one).parents for other in folders)]
    return sorted(one if os.path.isabs(table) else os.path.relpath(one) for one in outermost)


def files_of(sources: list[str]) -> list[str]:
    """Plain files behind sources, as inputs of a rule: Snakemake does not see changes inside a folder.

    A file that is missing is left out, so that the check of its system can say in whose config it stands.
    """
    found = [file for source in sources for file in (folder_files(source) if Path(source).is_dir() else [source])]
    return [file for file in found if file.endswith(".json") or Path(file).exists()]


def folder_files(folder: str) -> list[str]:
    return sorted(entry.path for entry in os.scandir(folder) if entry.is_file())


def fingerprint(sources: list[str]) -> str:
    """Digest of names, sizes and times of sources and of the files below them: cheap, and enough to look again."""
    found = []
    for source in sources:
        files = [source] if Path(source).is_file() else []
        files += [os.path.join(folder, name) for folder, _, names in os.walk(source) for name in names]
        for file in files:
            status = os.stat(file)
            found.append([file, status.st_size, status.st_mtime_ns])
    return digest_of(sorted(found))
