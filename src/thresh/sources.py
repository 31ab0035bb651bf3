"""Local files and folders that a study reads but does not make."""

import importlib.metadata
import os
from importlib.machinery import PathFinder
from pathlib import Path

from thresh.stages.canonical import digest_of
from thresh.study import Study


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
        return [*([content.weights] if content.weights else []), *factory_files(content.factory, content.search_path)]
    if content.kind == "nwb":
        return [content.file]
    if content.kind == "arrays":
        return [content.responses, *([content.ids] if content.ids and Path(content.ids).is_file() else [])]
    return []


def factory_files(factory: str, search_path: str | None) -> list[str]:
    """Python files that a factory's code may stand in: all below its search path, or its own top package."""
    if search_path is not None:
        return sorted(str(path) for path in Path(search_path).rglob("*.py"))
    # Looked up by its path, not imported: a user's package may be slow to import, or need a GPU.
    found = PathFinder.find_spec(factory.split(":")[0].split(".")[0])
    if found is None:
        return []
    folders = found.submodule_search_locations
    return sorted(str(path) for folder in folders for path in Path(folder).rglob("*.py")) if folders else [found.origin]


def versions(study: Study, system: str) -> dict[str, str]:
    """Versions of the packages that compute a system's responses: another one may give other last digits."""
    packages = {
        "transformers": ("torch", "transformers", "pillow"),
        "torch": ("torch", "pillow"),
        "pixels": ("pillow",),
    }
    return {
        package: importlib.metadata.version(package) for package in packages.get(study.config.systems[system].kind, ())
    }


def stimuli_sources(study: Study, stimuli: str) -> list[str]:
    content = study.config.stimuli[stimuli]
    return [content.folder] if content.kind == "images" else []


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
