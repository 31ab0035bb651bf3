# The pages that a study ends in.


rule report:
    input:
        stimuli=[f"{RESULTS}/stimuli/{name}.json" for name in study.config.stimuli],
        activations=[activations_of(*layer) for layer in study.layers()],
        dictionaries=[
            dictionary_of(*layer, name)
            for layer in study.layers()
            for name in study.dictionaries(layer)
        ],
        codes=[codes_of(*code) for code in study.codes()],
        evaluations=all_evaluations(),
        alignments=[alignment_of(pair) for pair in study.alignments()],
    output:
        report(
            f"{RESULTS}/report/index.html",
            caption="../report/index.rst",
            category="Alignment",
        ),
    log:
        f"{LOGS}/report.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        # A function: Snakemake would take braces in a constant, as of a template of text, for wildcards.
        config=lambda w: canonical(study.config.model_dump(mode="json")),
        results=lambda w, output: os.path.dirname(os.path.dirname(output[0])),
        script=script("report"),
        code=code("report"),
    shell:
        "python {params.script:q} --stimuli {input.stimuli:q} --activations {input.activations:q}"
        " --dictionaries {input.dictionaries:q} --codes {input.codes:q} --evaluations {input.evaluations:q}"
        " --alignments {input.alignments:q} --results {params.results:q} --params {params.config:q}"
        " --code {params.code} --store {params.results:q}/report --manifest {output:q} > {log:q} 2>&1"
