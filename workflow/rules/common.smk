# What every rule stands on: the checked config, the paths of manifests, and what a stage is given.
from pathlib import Path

from snakemake.exceptions import WorkflowError


from thresh import sources
from thresh.errors import ThreshError
from thresh.stages import canonical, code_digest
from thresh.study import load_study

try:
    study = load_study(config, source=", ".join(map(str, workflow.configfiles)) or "config")
except ThreshError as error:
    raise WorkflowError(str(error))

RESULTS = study.config.results
LOGS = f"{RESULTS}/logs"
# From the workflow's own folder, so that --directory and `module:` find them.
SCRIPTS = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1] / "scripts"


def one_of(names):
    """Constraint of a wildcard: one of these names, or nothing at all."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    stimuli=one_of(study.config.stimuli),
    system=one_of(study.config.systems),
    layer=one_of({layer for _, layer in study.layers()}),
    dictionary=one_of(study.config.dictionaries),
    inference=one_of(study.config.inference),
    comparison=one_of(study.config.alignment),
    model=one_of(study.config.small_models),
    recording=one_of(study.config.simulated_recordings),
    part=r"\d+",


def stimuli_of(system):
    return f"{RESULTS}/stimuli/{study.config.systems[system].stimuli}.json"


def activations_of(system, layer):
    return f"{RESULTS}/activations/{system}/{layer}.json"


def dictionary_of(system, layer, dictionary):
    return f"{RESULTS}/dictionaries/{system}/{layer}/{dictionary}.json"


def codes_of(system, layer, dictionary, inference):
    return f"{RESULTS}/codes/{system}/{layer}/{dictionary}/{inference}.json"


def evaluation_of(system, layer, dictionary, inference):
    return f"{RESULTS}/evaluation/{system}/{layer}/{dictionary}/{inference}.json"


def alignment_of(pair):
    return "/".join([RESULTS, "alignment", pair.comparison, *pair.a, *pair.b]) + ".json"


def code(script):
    """Digest of the code that a script runs; comments and docstrings do not count."""
    return code_digest(SCRIPTS / f"{script}.py")


def memory(megabytes):
    """Memory that grows with each attempt, for profiles that submit a job again."""
    return lambda wildcards, attempt: megabytes * attempt


GPU = 1 if study.config.device == "cuda" else 0


def sources_of_system(system):
    """What a system is read from: the manifest of a model or recording that the study makes, or the user's files."""
    made = sources.made_by_study(study, system)
    return [f"{RESULTS}/{made[0]}/{made[1]}.json"] if made else sources.system_sources(study, system)
