"""Stores that several jobs fill together: each job writes its own whole shards, and a last one seals the store.

A shard counts as written when a note of its size and digest stands in the store's records. The note is written after
the shard, so a job that is killed leaves at most a shard without a note, which the next run writes again.
"""

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from thresh.errors import StoreError
from thresh.stages.canonical import digest_of
from thresh.stages.digests import RECORD_FOLDER, content_digest, file_digest, files_of, inventory
from thresh.stages.disk import full_disk_told
from thresh.stages.files import read_json, replace_folder, write_json
from thresh.stages.lock import store_lock
from thresh.stages.manifest import write_manifest
from thresh.stages.provenance import write_provenance
from thresh.stages.record import Record, has_size, missing_files, read_record, record_folder, write_record
from thresh.stages.runner import Job, Product, stage_key


@dataclass(frozen=True)
class Shards:
    """The shards of one product that a job has still to write.

    Attributes
    ----------
    names
        Paths of all shards of the store, in the order of their rows.
    missing
        Indices of those that this job has to write.
    """

    product: Product
    names: list[str]
    missing: list[int]

    def written(self, index: int, digest: str | None = None) -> None:
        """Note that a shard stands on disk, whole, with the BLAKE3 of its file where the writer knows it."""
        note_shard(self.product.store, self.names[index], digest)


LayOut = Callable[[Job], dict[str, tuple[Path, list[str]]]]
Write = Callable[[Job, dict[str, Shards]], None]


def run_sharded(
    stage: str, job: Job, code: str, inputs: list[str], part: int, parts: int, lay_out: LayOut, write: Write
) -> None:
    """Write one part of the shards of every product, and a manifest that vouches for this part.

    Parameters
    ----------
    part, parts
        This job is number `part` of `parts`; it owns an equal share of each store's shards. The number of parts is
        not in the key: the shards are the same however they are shared out.
    lay_out
        Given the job with the products that have no store yet, makes each store without its shards in
        `job.folder(product)`; returns for each product's name its folder and the names of its shards.
    write
        Writes the missing shards of all products and calls `Shards.written` for each.
    """
    begun = time.monotonic()
    products = job.products
    manifest = products[0].manifest
    keys = {p.name: stage_key(stage, code, {"common": job.params, "own": p.params}, inputs) for p in products}
    with full_disk_told(products[0].store):
        make_stores(job, keys, lay_out)
    shares = {p.name: share_of(p, part, parts) for p in products}
    for product in products:
        owned, shards = shares[product.name]
        verdict = "HIT" if not shards.missing else "RESUME" if len(shards.missing) < len(owned) else "COMPUTE"
        stand = f"{len(owned) - len(shards.missing)} of its {len(owned)} shards were there" if owned else "it has none"
        print(f"{verdict} {stage} {product.store} part {part} of {parts}: {stand}", flush=True)
    stale = {name: shards for name, (_, shards) in shares.items() if shards.missing}
    if stale:
        job.products = [product for product in products if product.name in stale]
        with contextlib.ExitStack() as locks, full_disk_told(job.products[0].store):
            for name, shards in stale.items():
                owned = shares[name][0]
                locks.enter_context(store_lock(shards.product.store, (owned[0], len(owned))))
            write(job, stale)
        write_provenance(manifest, stage, digest_of(keys), time.monotonic() - begun)
    digests = {p.name: part_digest(p, shares[p.name][0]) for p in products}
    write_manifest(manifest, {"digest": digest_of(digests), "parts": digests})


def make_stores(job: Job, keys: dict[str, str], lay_out: LayOut) -> None:
    """Lay out the stores that do not answer to their key; several jobs may come here at once."""
    products = job.products
    with contextlib.ExitStack() as locks:
        for product in products:
            # A lock file of its own: the shards' spans are locked for as long as the work lasts, this one for moments.
            locks.enter_context(store_lock(product.store.with_suffix(".layout"), wait=True))
        job.products = [product for product in products if not laid_out(product.store, keys[product.name])]
        if job.products:
            for name, (folder, shards) in lay_out(job).items():
                (product,) = (p for p in job.products if p.name == name)
                # The root's attributes change when the store is sealed, so its metadata is no part of the layout.
                layout = {path: entry for path, entry in inventory(folder).items() if path != "zarr.json"}
                state = {"key": keys[name], "shards": shards, "layout": layout}
                write_json(record_folder(folder) / "begun.json", state)
                with store_lock(product.store):
                    replace_folder(folder, product.store)
    job.products = products


def laid_out(store: Path, key: str) -> bool:
    state = begun(store)
    return state.get("key") == key and all(has_size(store / name, size) for name, (size, _) in state["layout"].items())


def begun(store: Path) -> dict:
    return read_json(store / RECORD_FOLDER / "begun.json") or {}


def share_of(product: Product, part: int, parts: int) -> tuple[list[int], Shards]:
    """Indices of the shards that a part owns, and those of them that are missing."""
    names = begun(product.store)["shards"]
    owned = list(range(len(names) * part // parts, len(names) * (part + 1) // parts))
    missing = [index for index in owned if shard_note(product.store, names[index]) is None]
    return owned, Shards(product, names, missing)


def note_path(store: Path, name: str) -> Path:
    return store / RECORD_FOLDER / "shards" / f"{name.replace('/', '.')}.json"


def note_shard(store: Path, name: str, digest: str | None) -> None:
    record_folder(store)
    path = store / name
    write_json(note_path(store, name), [path.stat().st_size, digest or file_digest(path)])


def shard_note(store: Path, name: str) -> list | None:
    """Size and digest of a shard that was written and still has that size; None otherwise."""
    note = read_json(note_path(store, name))
    return note if note is not None and has_size(store / name, note[0]) else None


def part_digest(product: Product, owned: list[int]) -> str:
    state = begun(product.store)
    notes = {state["shards"][index]: shard_note(product.store, state["shards"][index])[1] for index in owned}
    return digest_of({"shards": notes, "layout": {name: digest for name, (_, digest) in state["layout"].items()}})


def run_seal(stage: str, job: Job, code: str, inputs: list[str], work: Callable[[Job], dict]) -> None:
    """Check that every shard of a store stands, add what is computed from all of them, and seal it.

    Parameters
    ----------
    work
        Given the job, adds to the store in place and returns the facts for its manifest.

    Raises
    ------
    StoreError
        A shard is missing or cut.
    """
    started = time.monotonic()
    product = job.product()
    key = stage_key(stage, code, {"common": job.params, "own": product.params}, inputs)
    record = read_record(product.store)
    hit = record is not None and record.key == key and not missing_files(product.store, record)
    print(f"{'HIT' if hit else 'COMPUTE'} {stage} {product.store}", flush=True)
    if not hit:
        record = seal(job, product, key, work)
        write_provenance(product.manifest, stage, key, time.monotonic() - started)
    write_manifest(product.manifest, {"digest": record.digest, "facts": json.loads(record.manifest)})


def seal(job: Job, product: Product, key: str, work: Callable[[Job], dict]) -> Record:
    store = product.store
    with store_lock(store), full_disk_told(store):
        (store / RECORD_FOLDER / "complete.json").unlink(missing_ok=True)
        notes = {name: shard_note(store, name) for name in begun(store).get("shards", [])}
        lost = [name for name, note in notes.items() if note is None]
        if lost or not notes:
            raise StoreError(
                f"{store}: {len(lost)} of {len(notes)} shards are missing or cut, first {lost[:1]};"
                " `snakemake verify` finds such stores, and the next run writes them again."
            )
        facts = work(job)
        rest = [path for path in files_of(store) if path.relative_to(store).as_posix() not in notes]
        files = {path.relative_to(store).as_posix(): [path.stat().st_size, file_digest(path)] for path in rest}
        files |= notes
        record = Record(key, content_digest(store, files, facts), files, json.dumps(facts, sort_keys=True))
        write_record(store, record)
    return record
