"""The stage runner: what makes a stage stale, and how its result is written so that it can be trusted.

It knows files, keys, locks and records, and none of the science. See docs/architecture.md.
"""

from thresh.stages.canonical import canonical, digest_of
from thresh.stages.code import code_digest, imported_modules
from thresh.stages.command import json_object, run_part_stage, run_seal_stage, run_stage, stage_parser, told_errors
from thresh.stages.disk import require_space
from thresh.stages.lock import store_lock
from thresh.stages.manifest import read_manifest, write_manifest
from thresh.stages.runner import Job, Product, run_products, source_of
from thresh.stages.sharded import Shards
from thresh.stages.verify import verify_study

__all__ = [
    "Job",
    "Product",
    "Shards",
    "canonical",
    "code_digest",
    "digest_of",
    "imported_modules",
    "json_object",
    "read_manifest",
    "require_space",
    "run_part_stage",
    "run_products",
    "run_seal_stage",
    "run_stage",
    "source_of",
    "stage_parser",
    "store_lock",
    "told_errors",
    "verify_study",
    "write_manifest",
]
