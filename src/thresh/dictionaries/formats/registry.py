"""Formats by name, told apart by the files in a folder."""

from pathlib import Path
from types import ModuleType

from thresh.dictionaries.formats import dictionary_learning, overcomplete, sae_lens, sparsify
from thresh.dictionaries.formats.places import folder_of
from thresh.dictionaries.formats.reading import read_json
from thresh.dictionaries.kinds import Dictionary
from thresh.errors import ConfigError, DictionaryError

# To add a format: one file with FILES (by which it is known, the config first), `read` and, where it can be, `write`;
# one line here.
FORMATS: dict[str, ModuleType] = {
    "sae_lens": sae_lens,
    "sparsify": sparsify,
    "dictionary_learning": dictionary_learning,
    "overcomplete": overcomplete,
}
CONFIGS = tuple(dict.fromkeys(module.FILES[0] for module in FORMATS.values()))
SHOWN = 8  # names in a message


def load(path: str | Path, subfolder: str = "", revision: str = "main") -> Dictionary:
    """Read a dictionary: one that thresh saved, or one of a known format.

    Its atoms have unit norm; where those of the file have not, their lengths are in the codes, and the map from x to
    decode(encode(x)) is that of the file.

    Parameters
    ----------
    path
        Folder, or name on the Hugging Face hub.
    subfolder
        Folder of the dictionary within it; releases have one for each layer.
    revision
        Branch, tag or commit on the hub.

    Raises
    ------
    DictionaryError
        Nothing is there, a file is missing or damaged, or it does something that thresh does not know.
    """
    return read(folder_of(path, subfolder, revision))


def read(folder: Path) -> Dictionary:
    """As `load`, for a folder."""
    name = format_of(folder)
    try:
        return FORMATS[name].read(folder)
    except KeyError as error:
        raise DictionaryError(f"{folder}: found no {error.args[0]}, expected it in a dictionary of {name}.") from None


def export(dictionary: Dictionary, folder: str | Path, format: str = "sae_lens") -> None:
    """Write a dictionary for another library.

    Parameters
    ----------
    format
        'sae_lens' (standard, topk, jumprelu, gated, matching_pursuit), 'sparsify' (topk) or 'dictionary_learning'
        (standard, topk, jumprelu, gated).

    Raises
    ------
    ConfigError
        The format is unknown, or only read.
    DictionaryError
        The other library has no codes of this kind.
    """
    written = {name: module for name, module in FORMATS.items() if hasattr(module, "write")}
    if format not in written:
        raise ConfigError("format", format, f"one of {', '.join(written)}")
    written[format].write(dictionary, Path(folder))


def format_of(folder: Path) -> str:
    """Name of the format of the files in a folder.

    Raises
    ------
    DictionaryError
        There is no such folder, or no files of a known format in it: says what is there, and what is known.
    """
    if not folder.is_dir():
        raise DictionaryError(f"{folder}: found no folder, expected a dictionary.")
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    for name, module in FORMATS.items():
        if set(module.FILES) <= set(files):
            return name
    folders = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    known = "; ".join(f"{' with '.join(module.FILES)} ({name})" for name, module in FORMATS.items())
    hint = f" It has the subfolders {listed(folders)}." if folders else ""
    raise DictionaryError(f"{folder}: found {listed(files) or 'no files'}, expected a dictionary: {known}.{hint}")


def listed(names: list[str]) -> str:
    return ", ".join([*names[:SHOWN], *(["..."] if len(names) > SHOWN else [])])


def declared_units(folder: Path) -> int | None:
    """Units that the config in a folder tells of; None where it does not say. Weights need not be there yet."""
    for name in CONFIGS:
        if (folder / name).is_file():
            config = read_json(folder / name)
            trainer = config.get("trainer")
            return config.get("d_in") or (trainer.get("activation_dim") if isinstance(trainer, dict) else None)
    return None
