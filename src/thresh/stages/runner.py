"""HIT or COMPUTE: run the work of a stage only for the products that are stale."""

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from thresh.stages.canonical import SCHEMA_VERSION, digest_of
from thresh.stages.digests import RECORD_FOLDER, content_digest, inventory
from thresh.stages.disk import full_disk_told
from thresh.stages.files import read_json, replace_folder, write_atomically, write_json
from thresh.stages.lock import store_lock
from thresh.stages.provenance import write_provenance
from thresh.stages.record import Record, missing_files, read_record, record_folder, write_record

BEGUN = "begun.json"  # in the records of a folder that is being filled: which key fills it


@dataclass(frozen=True)
class Product:
    """One result of a stage: a manifest and the store that it vouches for.

    Attributes
    ----------
    name
        Name among the products of the job; '' where there is one.
    params
        The part of the config that this product reads.
    manifest
        The file that Snakemake sees.
    store
        Folder of the result. It may contain the manifest itself (the report's first page).
    digests
        Of the content of inputs that no other product of the job has.
    """

    name: str
    params: dict
    manifest: Path
    store: Path
    digests: tuple[str, ...] = ()

    @property
    def partial(self) -> Path:
        """Where the result is made before it is renamed to `store`."""
        return self.store.with_name(f".{self.store.name}.partial")


@dataclass
class Job:
    """What the work of a stage is given.

    Attributes
    ----------
    params
        Parameters common to all products.
    inputs
        Name -> paths of manifests or sources, as given on the command line.
    products
        The stale products; their results go to `folder(product)`.
    finished
        To be called with name and facts of a product as soon as it is done, where several are made one after another:
        what is finished stays if the job is killed.
    """

    params: dict
    inputs: dict[str, list[Path]]
    products: list[Product]
    finished: Callable[[str, dict], None] = field(default=lambda name, facts: None)

    def folder(self, product: Product) -> Path:
        return product.partial

    def fresh(self, product: Product) -> Path:
        """The product's folder, emptied: for work that does not go on with an older part."""
        folder = self.folder(product)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def input(self, name: str) -> Path:
        """The single path given for an input."""
        (path,) = self.inputs[name]
        return path

    def product(self) -> Product:
        """The single product of a stage that makes one."""
        (product,) = self.products
        return product


Work = Callable[[Job], dict[str, dict]]


def stage_key(stage: str, code: str, params: dict, inputs: Iterable[str]) -> str:
    """Key of a result: what it is made by, with which parameters, from which content."""
    return digest_of(
        {"stage": stage, "schema": SCHEMA_VERSION, "code": code, "params": params, "inputs": sorted(inputs)}
    )


def run_products(
    stage: str, job: Job, code: str, inputs: Iterable[str], work: Work, *, resumes: bool = False
) -> dict[str, str]:
    """Bring every product of a job up to date.

    Parameters
    ----------
    stage, code, inputs
        Name of the stage, digest of its code, content digests of its inputs: with the parameters, the key.
    work
        Called once with the stale products only; returns the facts of each product by name, less those that it
        gave to `Job.finished`. It may import what is slow to import: it is not called when nothing is stale.
    resumes
        Whether the work goes on with what a killed job of the same key left in a product's folder.

    Returns
    -------
    Product name -> 'HIT', 'RESUME' or 'COMPUTE'.

    Raises
    ------
    StoreError
        Another process writes one of the stores, or the disk is full.
    """
    inputs = list(inputs)
    keys = {
        p.name: stage_key(stage, code, {"common": job.params, "own": p.params}, [*inputs, *p.digests])
        for p in job.products
    }
    verdicts: dict[str, str] = {}
    stale = []
    for product in job.products:
        verdict = judge(product, keys[product.name], resumes)
        print(f"{verdict} {stage} {product.store}", flush=True)
        verdicts[product.name] = verdict
        if verdict == "HIT":
            restore(product)
        else:
            stale.append(product)
    if stale:
        job.products = stale
        compute(stage, job, keys, work, resumes)
    return verdicts


def judge(product: Product, key: str, resumes: bool) -> str:
    record = read_record(product.store)
    if record is not None and record.key == key:
        missing = missing_files(product.store, record)
        if not missing:
            return "HIT"
        print(f"{product.store}: {len(missing)} of {len(record.files)} files are missing or cut, first {missing[0]}")
    return "RESUME" if resumes and begun_with(product.partial) == key else "COMPUTE"


def begun_with(folder: Path) -> str | None:
    """Key of the job that began to fill a folder."""
    content = read_json(folder / RECORD_FOLDER / BEGUN)
    return None if content is None else content["key"]


def restore(product: Product) -> None:
    write_atomically(product.manifest, read_record(product.store).manifest)


def compute(stage: str, job: Job, keys: dict[str, str], work: Work, resumes: bool) -> None:
    begun = time.monotonic()
    waiting = {product.name: product for product in job.products}

    def finished(name: str, facts: dict) -> None:
        product = waiting.pop(name)
        finish(job, product, keys[name], facts)
        write_provenance(product.manifest, stage, keys[name], time.monotonic() - begun)

    job.finished = finished
    with contextlib.ExitStack() as locks:
        for product in job.products:
            locks.enter_context(store_lock(product.store))
            key, folder = keys[product.name], job.folder(product)
            if not resumes or begun_with(folder) != key:
                write_json(record_folder(job.fresh(product)) / BEGUN, {"key": key})
        with full_disk_told(job.products[0].store):
            for name, facts in work(job).items():
                if name in waiting:
                    finished(name, facts)
    if waiting:
        raise RuntimeError(f"{stage}: its work left out the products {sorted(waiting)}.")


def finish(job: Job, product: Product, key: str, facts: dict) -> None:
    folder = job.folder(product)
    page = manifest_within(product)
    (folder / RECORD_FOLDER / BEGUN).unlink(missing_ok=True)
    files = inventory(folder)
    digest = content_digest(folder, files, facts)
    if page is None:
        parts = facts.pop("parts", {})
        content = {"digest": digest, "facts": facts} | ({"parts": parts} if parts else {})
        text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    else:
        # The page is the manifest: Snakemake deletes it before a job, so it is kept with the record instead.
        text = (folder / page).read_text()
        del files[page.as_posix()]
    write_record(folder, Record(key, digest, files, text))
    replace_folder(folder, product.store)
    write_atomically(product.manifest, text)


def source_of(path: Path, suffix: str = "") -> Path:
    """Where the content behind an input stands: the store beside a manifest, or the path itself.

    Parameters
    ----------
    suffix
        Suffix of the store's folder, as given to `run_stage` by the stage that made it.
    """
    store = path.with_name(path.stem + suffix)
    return store if path.suffix == ".json" and store.is_dir() else path


def manifest_within(product: Product) -> Path | None:
    if product.manifest.is_relative_to(product.store):
        return product.manifest.relative_to(product.store)
    return None
