"""The command line that every stage shares."""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

from thresh.errors import ConfigError, ThreshError
from thresh.stages.digests import input_digest
from thresh.stages.files import read_json
from thresh.stages.manifest import manifest_digest
from thresh.stages.runner import Job, Product, Work, run_products
from thresh.stages.sharded import LayOut, Write, run_seal, run_sharded

ALL_COMMANDS = """
Every command of a study, as the workflow gives it:
  snakemake --configfile config/quickstart.yaml --cores 1 --forceall --dry-run --printshellcmds
"""


def stage_parser(
    documentation: str,
    inputs: Iterable[str] = (),
    optional: Iterable[str] = (),
    *,
    of_products: Iterable[str] = (),
    keys: Iterable[str] = (),
) -> argparse.ArgumentParser:
    """Parser of a stage's command line.

    Parameters
    ----------
    documentation
        The script's docstring: a description and, below an empty line, what --params holds and an example, for
        `--help`. A docstring is no part of the stage's code, so that a better example makes nothing stale.
    inputs, optional
        Names of the inputs. Each takes paths of manifests of earlier stages, or of files and folders that thresh
        did not make. `path#part` reads the digest of one named part of a manifest only.
    of_products
        Names of inputs that single products have, as NAME=PATH: no other product gets stale with them.
    keys
        Keys that --params must have.
    """
    description, _, more = documentation.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=description, epilog=more + ALL_COMMANDS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in inputs:
        parser.add_argument(f"--{name}", nargs="+", required=True, metavar="PATH", help="manifest (.json) of its stage")
    for name in optional:
        parser.add_argument(
            f"--{name}", nargs="*", default=[], metavar="PATH", help="manifests, files or folders, if any"
        )
    for name in of_products:
        parser.add_argument(
            f"--{name}", nargs="*", default=[], metavar="NAME=PATH", help="files that product NAME is made from, if any"
        )
    parser.add_argument(
        "--params", default="{}", metavar="JSON", help="the part of the config that this stage reads; see below"
    )
    parser.add_argument("--code", default="", help="digest of the stage's code (the workflow passes it)")
    parser.add_argument(
        "--manifest",
        nargs="+",
        required=True,
        metavar="[NAME=]PATH",
        help="the result's manifest; its store stands beside it. NAME selects params.products.NAME",
    )
    parser.add_argument(
        "--store",
        nargs="+",
        metavar="[NAME=]PATH",
        help="where the stores go; default: beside the manifest, under its name",
    )
    parser.set_defaults(input_names=[*inputs, *optional], product_input_names=list(of_products), keys=list(keys))
    return parser


def json_object(option: str, text: str) -> dict:
    """Content of an option of the command line that takes a JSON object.

    Raises
    ------
    ConfigError
        The text is not JSON, or something else than an object.
    """
    shown = text if len(text) <= 60 else f"{text[:60]}..."
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(option, shown, f"a JSON object ({error})") from None
    if not isinstance(found, dict):
        raise ConfigError(option, shown, "a JSON object, in braces")
    return found


class Group(Protocol):
    """Processes that do the work of one job together; the first alone looks what is stale, and writes."""

    leads: bool

    def tell(self, names: list[str]) -> None:
        """Tell the others which products are stale."""

    def hear(self) -> list[str]:
        """What the first tells."""


def run_stage(
    stage: str,
    arguments: argparse.Namespace,
    work: Work,
    *,
    suffix: str = "",
    resumes: bool = False,
    group: Group | None = None,
) -> None:
    """Run a stage as its command line says; an error that the user can mend ends it with one message.

    Parameters
    ----------
    suffix
        Suffix of the store's folder, '.zarr' for Zarr stores.
    resumes
        Whether the work goes on with what a killed job of the same key left in a product's folder.
    group
        Processes that all run this command; None for one alone.
    """
    with errors_told(stage):
        job, digests = read_arguments(arguments, suffix)
        if group is None:
            run_products(stage, job, arguments.code, digests, work, resumes=resumes)
        elif group.leads:
            run = partial(run_products, stage, job, arguments.code, digests, resumes=resumes)
            lead(group, job, work, run)
        else:
            follow(group, job, work)


def lead(group: Group, job: Job, work: Work, run: Callable[[Work], object]) -> None:
    """Run a stage so that the others of a group join its work, if there is some."""
    heard = []

    def told(job: Job) -> dict[str, dict]:
        heard.append(True)
        group.tell([product.name for product in job.products])
        return work(job)

    run(told)
    if not heard:
        group.tell([])


def follow(group: Group, job: Job, work: Work) -> None:
    """Take part in the work that the first process of a group has begun."""
    names = group.hear()
    job.products = [product for product in job.products if product.name in names]
    if names:
        work(job)


def run_part_stage(stage: str, arguments: argparse.Namespace, lay_out: LayOut, write: Write) -> None:
    """Run one part of a stage whose stores are filled by several jobs; see `sharded.run_sharded`."""
    with errors_told(stage):
        job, digests = read_arguments(arguments, ".zarr")
        run_sharded(stage, job, arguments.code, digests, arguments.part, arguments.parts, lay_out, write)


def run_seal_stage(stage: str, arguments: argparse.Namespace, work: Callable[[Job], dict]) -> None:
    """Run a stage that completes and seals such a store; see `sharded.run_seal`."""
    with errors_told(stage):
        job, digests = read_arguments(arguments, ".zarr")
        run_seal(stage, job, arguments.code, digests, work)


ERROR = "ERROR "


@contextlib.contextmanager
def errors_told(stage: str) -> Iterator[None]:
    try:
        yield
    except ThreshError as error:
        sys.exit(f"{ERROR}{stage}: {error}")


def told_errors(logs: str, since: float) -> list[str]:
    """Messages with which stages ended, from their logs: what a user has to read when a run has failed.

    Parameters
    ----------
    logs
        Folder of the logs.
    since
        Time (s since the epoch) from which on a log belongs to this run.
    """
    found = []
    for path in sorted(Path(logs).rglob("*.log")):
        _, mark, message = f"\n{path.read_text(errors='replace')}".partition(f"\n{ERROR}")
        if mark and path.stat().st_mtime >= since:
            found.append(f"{ERROR}{message.strip()}")
    return found


def read_arguments(arguments: argparse.Namespace, suffix: str) -> tuple[Job, list[str]]:
    params = json_object("--params", arguments.params)
    if any(key not in params for key in arguments.keys):
        raise ConfigError("--params", sorted(params), f"the keys {', '.join(arguments.keys)}; see --help")
    own = params.pop("products", {})
    inputs, digests = {}, []
    for name in arguments.input_names:
        given = [split_part(text) for text in getattr(arguments, name.replace("-", "_"))]
        inputs[name] = [path for path, _ in given]
        digests.extend(f"{name}:{number}:{digest_of_input(*source)}" for number, source in enumerate(given))
    products = products_of(arguments, own, suffix)
    return Job(params, inputs, products), digests


def products_of(arguments: argparse.Namespace, own: dict, suffix: str) -> list[Product]:
    """Products of a command line: one a manifest, or one a store where several stores share a manifest."""
    manifests = [named(text) for text in arguments.manifest]
    stores = dict(named(text) for text in arguments.store or [])
    if set(stores) - {name for name, _ in manifests}:
        ((_, manifest),) = manifests
        return [Product(name, own_params(own, name), manifest, store) for name, store in stores.items()]
    digests = digests_of_products(arguments)
    return [
        Product(
            name,
            own_params(own, name),
            manifest,
            stores.get(name, manifest.with_name(manifest.stem + suffix)),
            tuple(digests.get(name, ())),
        )
        for name, manifest in manifests
    ]


def digests_of_products(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Product -> content digests of the inputs that it alone has."""
    found: dict[str, list[str]] = {}
    for option in arguments.product_input_names:
        for name, path in (named(text) for text in getattr(arguments, option.replace("-", "_"))):
            found.setdefault(name, []).append(f"{option}:{path.name}:{input_digest(path)}")
    return found


def own_params(own: dict, name: str) -> dict:
    if name and name not in own:
        raise ConfigError("--params", sorted(own), f"the product {name} under `products`, as it is named for its path")
    return own.get(name, {})


def named(text: str) -> tuple[str, Path]:
    name, mark, path = text.partition("=")
    return (name, Path(path)) if mark else ("", Path(text))


def split_part(text: str) -> tuple[Path, str | None]:
    path, mark, part = text.partition("#")
    return Path(path), part if mark else None


def digest_of_input(path: Path, part: str | None) -> str:
    content = read_json(path) if path.suffix == ".json" else None
    if not path.exists() and path.suffix != ".json":
        return "missing"  # the work knows in whose config the path stands, and refuses it by that name
    if part is not None or (content is not None and "digest" in content):
        return manifest_digest(path, part)
    return input_digest(path)
