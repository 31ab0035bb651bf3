# What all the jobs stand on: the checked config, the paths of manifests, and what each stage is given.
import os
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError

HERE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))
# The workflow's own library comes first, here and in jobs: with `module:`, --directory or a conda environment per rule
# the code that runs is the code whose digest is compared.
SOURCE = HERE.parents[1] / "src"
sys.path.insert(0, str(SOURCE))
# Braces are doubled twice: for Python, and for Snakemake, which formats the prefix like a command.
shell.prefix(f"export PYTHONPATH='{SOURCE}':${{{{PYTHONPATH:-}}}}; ")

from thresh import sources, stage_params
from thresh.errors import ThreshError
from thresh.layer_globs import with_layers_listed
from thresh.system_kinds import MODELS
from thresh.stages import canonical, code_digest, told_errors
from thresh.study_loading import load_study

try:
    study = load_study(
        with_layers_listed(config),
        source=", ".join(map(str, workflow.configfiles)) or "config",
    )
except ThreshError as error:
    raise WorkflowError(str(error))

RESULTS = study.config.results
LOGS = f"{RESULTS}/logs"
ENVIRONMENT = str(HERE.parents[1] / "envs" / "thresh.yaml")
GPU = 1 if study.config.device == "cuda" else 0
PARTS = study.config.harvest.parts
BEGUN = time.time()


def one_of(names):
    """Constraint of a wildcard: one of these names, or nothing at all."""
    return "|".join(map(re.escape, names)) or "(?!)"


SYSTEM = one_of(study.config.systems)
LAYER = one_of({layer for _, layer in study.layers()})


wildcard_constraints:
    stimuli=one_of(study.config.stimuli),
    system=SYSTEM,
    layer=LAYER,
    dictionary=one_of(study.learned),
    inference=one_of(study.config.inference),
    probe=one_of(study.config.evaluation.probes),
    splice=one_of(study.config.evaluation.splices),
    comparison=one_of(study.config.alignment),
    model=one_of(study.config.small_models),
    recording=one_of(study.config.simulated_recordings),
    part=r"\d+",


def script(stage):
    """Command line of a stage, from the workflow's own folder and relative to where jobs run."""
    return os.path.relpath(HERE.parents[1] / "scripts" / f"{stage}.py")


def code(stage):
    """Digest of the code that a stage runs; comments and docstrings do not count."""
    return code_digest(script(stage))


def memory(megabytes):
    """Memory that grows with each attempt, for profiles that submit a job again."""
    return lambda wildcards, attempt: megabytes * attempt


def harvest_threads(system):
    """Models compute on several cores; everything else reads."""
    is_model = study.config.systems[system].kind in MODELS
    return study.config.harvest.threads if is_model else 1


def sources_of_system(system):
    """What a system is read from: the manifest of a model or recording that the study makes, or the user's files."""
    made = sources.made_by_study(study, system)
    return (
        [f"{RESULTS}/{made[0]}/{made[1]}.json"]
        if made
        else sources.system_sources(study, system)
    )


def dictionary_groups():
    """Names of dictionaries -> layers (system/layer) on which exactly these are learned."""
    groups = {}
    for layer in study.layers():
        if names := tuple(study.own_dictionaries(layer)):
            groups.setdefault(names, []).append("/".join(layer))
    return groups


def codes_of_side(wildcards, side):
    """Name -> manifest of the codes of one side, sorted by name: the config hands the names over in that order."""
    layer = side_of(wildcards, side)
    used = study.representations(wildcards.comparison, layer)
    return {name: codes_of(*layer, *used[name]) for name in sorted(used)}


def side_of(wildcards, side):
    return wildcards[f"{side}_system"], wildcards[f"{side}_layer"]
