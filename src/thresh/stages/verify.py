"""Re-read stores against their digests; a bad one loses its manifests, so that the next run makes it again."""

import os
from collections.abc import Iterator
from pathlib import Path

from thresh.stages.digests import RECORD_FOLDER, file_digest
from thresh.stages.files import read_json
from thresh.stages.record import has_size, read_record
from thresh.stages.sharded import begun, note_path


def verify_study(results: Path) -> tuple[int, list[str]]:
    """Check every store that a manifest below a folder vouches for.

    Returns
    -------
    Number of stores that were read, and one line for each finding. Manifests of stores with findings are removed.
    """
    vouched: dict[Path, list[Path]] = {}
    findings = []
    for manifest in sorted(manifests_below(results)):
        if manifest.suffix == ".json" and read_json(manifest) is None:
            manifest.unlink()
            findings.append(f"{manifest}: not whole; removed it")
            continue
        for store in stores_of(manifest):
            vouched.setdefault(store, []).append(manifest)
    for store, manifests in vouched.items():
        if found := list(verify_store(store)):
            for manifest in manifests:
                manifest.unlink(missing_ok=True)
            findings.extend(f"{finding}; removed {', '.join(map(str, manifests))}" for finding in found)
    return len(vouched), findings


def manifests_below(results: Path) -> Iterator[Path]:
    """JSON files that are manifests: those outside of stores, and first pages that stand in for one."""
    for place, names, files in os.walk(results):
        folder = Path(place)
        if (folder / RECORD_FOLDER).is_dir():
            names.clear()
            if (folder / "index.html").is_file():
                yield folder / "index.html"
            continue
        names[:] = [name for name in names if not name.startswith(".")]
        yield from (folder / name for name in files if name.endswith(".json") and not name.startswith("."))


def stores_of(manifest: Path) -> list[Path]:
    """Stores that a manifest vouches for."""
    if manifest.name == "index.html":
        return [manifest.parent]
    content = read_json(manifest) or {}
    if "facts" not in content:  # a part of a harvest: one store a layer
        return [manifest.parent.parent / f"{layer}.zarr" for layer in content.get("parts", {})]
    beside = [manifest.with_suffix(""), manifest.with_name(f"{manifest.stem}.zarr")]
    return [store for store in beside if store.is_dir()] or beside[:1]


def verify_store(store: Path) -> Iterator[str]:
    """What is wrong with a store; every file is read. Its record goes with it, so that it is stale for every job."""
    record = read_record(store)
    files = record.files if record else shards_noted(store)
    if record is None and files:
        missing = [name for name in begun(store)["shards"] if name not in files]
        if missing:
            yield f"{store}: {len(missing)} of its shards are not written"
    # A stage whose result is its manifest alone has a record without files.
    if record is None and not files:
        yield f"{store}: found no store with a record"
    for name, (size, digest) in files.items():
        path = store / name
        if has_size(path, size) and file_digest(path) == digest:
            continue
        state = "its bytes are not those that were written" if has_size(path, size) else f"missing, or not {size} bytes"
        forget(store, name)
        yield f"{path}: {state}"


def forget(store: Path, name: str) -> None:
    """Remove the records that vouch for a file."""
    (store / RECORD_FOLDER / "complete.json").unlink(missing_ok=True)
    note_path(store, name).unlink(missing_ok=True)
    if name in begun(store).get("layout", {}):
        (store / RECORD_FOLDER / "begun.json").unlink()


def shards_noted(store: Path) -> dict[str, list]:
    """Shards of a store that is not sealed yet."""
    notes = {name: read_json(note_path(store, name)) for name in begun(store).get("shards", [])}
    return {name: note for name, note in notes.items() if note is not None}
