# Where the manifest of each result stands.


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


def stability_of(system, layer, dictionary):
    return f"{RESULTS}/stability/{system}/{layer}/{dictionary}.json"


def probed_as(codes):
    """Where the probe of codes (dictionary, inference) stands below its layer; that of raw activations has none."""
    return f"codes/{codes[0]}/{codes[1]}" if codes else "activations"


def probe_of(probe, system, layer, codes):
    return f"{RESULTS}/probes/{probe}/{system}/{layer}/{probed_as(codes)}.json"


def splice_of(splice, system, layer, dictionary, inference):
    return f"{RESULTS}/splices/{splice}/{system}/{layer}/{dictionary}/{inference}.json"


def alignment_of(pair):
    place = "/".join([*pair.a, *pair.b])
    return f"{RESULTS}/alignment/{pair.comparison}/{place}.json"


def probed_codes(wildcards):
    """Codes that a probe looks at, and their dictionary; none for raw activations."""
    layer = wildcards.system, wildcards.layer
    _, *codes = wildcards.representation.split("/")
    return [codes_of(*layer, *codes), dictionary_of(*layer, codes[0])] if codes else []


def all_evaluations():
    """Every evaluation that the study asks for."""
    return [
        *(evaluation_of(*code) for code in study.codes()),
        *(stability_of(*one) for one in study.repeated()),
        *(probe_of(*one) for one in study.probes()),
        *(splice_of(*one) for one in study.splices()),
    ]
