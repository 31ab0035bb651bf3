"""Local files and folders that a study reads but does not make."""

import importlib.metadata
import os
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
    """Files and folders that a system is read from; a hub name is none."""
    content = study.config.systems[system]
    if content.kind == "transformers":
        return [content.model] if Path(content.model).is_dir() else []
    if content.kind == "torch":
        return [path for path in (content.weights, factory_file(content.factory, content.search_path)) if path]
    if content.kind == "nwb":
        return [content.file]
    if content.kind == "arrays":
        return [content.responses, *([content.ids] if content.ids and Path(content.ids).is_file() else [])]
    return []


def versions(study: Study, system: str) -> dict[str, str]:
    """Versions of the packages that compute a system's responses: another one may give other last digits."""
    packages = {"transformers": ("torch", "transformers"), "torch": ("torch",)}
    return {
        package: importlib.metadata.version(package) for package in packages.get(study.config.systems[system].kind, ())
    }


def factory_file(factory: str, search_path: str | None) -> str | None:
    """File of a factory that lives in a folder of the user's; an installed package is known by its version instead."""
    if search_path is None:
        return None
    return str(Path(search_path, *factory.split(":")[0].split(".")).with_suffix(".py"))


def stimuli_sources(study: Study, stimuli: str) -> list[str]:
    content = study.config.stimuli[stimuli]
    return [content.folder] if content.kind == "images" else []


def files_of(sources: list[str]) -> list[str]:
    """Plain files behind sources, as inputs of a rule: Snakemake does not see changes inside a folder."""
    return [file for source in sources for file in (folder_files(source) if Path(source).is_dir() else [source])]


def folder_files(folder: str) -> list[str]:
    return sorted(entry.path for entry in os.scandir(folder) if entry.is_file())


def fingerprint(sources: list[str]) -> str:
    """Digest of names, sizes and times of the files below sources: cheap, and enough to look again."""
    found = []
    for source in sources:
        for folder, _, names in os.walk(source):
            for name in names:
                status = os.stat(os.path.join(folder, name))
                found.append([os.path.join(folder, name), status.st_size, status.st_mtime_ns])
    return digest_of(sorted(found))
