"""Where a dictionary stands: a folder, or a repository of the Hugging Face hub."""

from pathlib import Path

from thresh.errors import DictionaryError


def folder_of(path: str | Path, subfolder: str = "", revision: str = "main", files: tuple[str, ...] = ("*",)) -> Path:
    """Local folder of a dictionary; what stands on the hub is downloaded, once.

    Parameters
    ----------
    path
        Folder, or name on the hub.
    subfolder
        Folder within it.
    revision
        Branch, tag or commit on the hub.
    files
        Patterns of the files in that folder which are wanted from the hub.

    Raises
    ------
    DictionaryError
        There is no such folder, and no such repository or revision.
    """
    if Path(path).is_dir():
        return Path(path, subfolder)
    if str(path).startswith(("/", ".", "~")) or str(path).count("/") > 1:
        raise DictionaryError(f"{path}: found no folder, expected a dictionary.")
    from huggingface_hub import snapshot_download

    inside = f"{subfolder.strip('/')}/" if subfolder else ""
    try:
        found = snapshot_download(str(path), revision=revision, allow_patterns=[f"{inside}{name}" for name in files])
    except (OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise DictionaryError(
            f"{path}: found no such folder, and nothing at revision {revision!r} of the Hugging Face hub"
            f" ({type(error).__name__}: {reason})."
        ) from error
    return Path(found, subfolder)
