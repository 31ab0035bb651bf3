"""Real Snakemake on a small study: after each edit exactly what is stale computes, and nothing twice."""

import os
import shutil

EVERYTHING = {
    "prepare_stimuli stimuli/digits.zarr",
    "check_methods methods",
    "check_pairs pairs",
    "check_widths widths",
    "check_system systems/net",
    "check_system systems/pixels",
    "harvest activations/net/first.zarr",
    "harvest activations/pixels/pixels.zarr",
    "gather activations/net/first.zarr",
    "gather activations/pixels/pixels.zarr",
    "learn_dictionaries dictionaries/net/first/online",
    "learn_dictionaries dictionaries/net/first/random",
    "infer_codes codes/net/first/online/omp.zarr",
    "infer_codes codes/net/first/random/omp.zarr",
    "evaluate evaluation/net/first/online/omp",
    "evaluate evaluation/net/first/random/omp",
    "align alignment/both/net/first/pixels/pixels",
    "report report",
}
ALIGN, REPORT, CHECK = "align alignment/both/net/first/pixels/pixels", "report report", "check_methods methods"
WIDTHS = "check_widths widths"
OF_ONLINE = {
    "learn_dictionaries dictionaries/net/first/online",
    "infer_codes codes/net/first/online/omp.zarr",
    "evaluate evaluation/net/first/online/omp",
}


def test_the_first_run_computes_everything_once(finished):
    _, verdicts = finished
    assert verdicts == dict.fromkeys(EVERYTHING, "COMPUTE")


def test_nothing_changed_launches_nothing(project):
    done = project.snakemake()
    assert "Nothing to be done" in done.stdout + done.stderr
    assert not (project.folder / "results" / "logs").exists()


def test_a_metric_added(project):
    config = project.config()
    config["alignment"]["both"]["metrics"].append("rsa")
    project.write_config(config)
    verdicts = project.run()
    # Nothing above the scores is even launched. Metrics say how many stimuli a pair needs, so its check looks again.
    assert verdicts == dict.fromkeys([ALIGN, CHECK, "check_pairs pairs", REPORT], "COMPUTE")


def test_a_penalty_of_one_dictionary_changed(project):
    config = project.config()
    config["dictionaries"]["online"]["params"]["penalty"] = 0.2
    project.write_config(config)
    verdicts = project.run()
    assert {job for job, verdict in verdicts.items() if verdict == "COMPUTE"} == OF_ONLINE | {CHECK, ALIGN, REPORT}
    assert verdicts["learn_dictionaries dictionaries/net/first/random"] == "HIT"


def test_weights_of_one_system_changed(project):
    project.write_weights(1)
    computed = project.computed()
    untouched = ("stimuli", "methods", "pairs", "widths", "systems/pixels", "pixels.zarr")
    assert computed == {job for job in EVERYTHING if not any(name in job for name in untouched)}


def test_code_of_a_factory_edited(project):
    with (project.folder / "inputs" / "factory.py").open("a") as file:
        file.write("\n\nUNUSED = 1\n")
    # The network is the same, so that nothing below its activations computes.
    of_net = {"check_system systems/net", "harvest activations/net/first.zarr", "gather activations/net/first.zarr"}
    assert project.computed() == of_net


def test_a_layer_added_leaves_its_siblings_alone(project):
    config = project.config()
    config["systems"]["net"]["layers"]["second"] = {"module": "3"}
    project.write_config(config)
    verdicts = project.run()
    computed = {job for job, verdict in verdicts.items() if verdict != "HIT"}
    assert verdicts["harvest activations/net/first.zarr"] == "HIT"
    assert {job for job in computed if "first" in job} == set()
    assert {job.split()[0] for job in computed if "second" in job} == {
        "harvest", "gather", "learn_dictionaries", "infer_codes", "evaluate", "align",
    }  # fmt: skip
    checks = {"check_system systems/net", "check_pairs pairs", WIDTHS}
    assert {job for job in computed if "second" not in job} == {*checks, REPORT}


def test_a_dictionary_added(project):
    config = project.config()
    config["dictionaries"]["other"] = {"method": "random", "atoms": 4, "systems": ["net"]}
    project.write_config(config)
    assert project.computed() == {
        CHECK,
        WIDTHS,
        REPORT,
        "learn_dictionaries dictionaries/net/first/other",
        "infer_codes codes/net/first/other/omp.zarr",
        "evaluate evaluation/net/first/other/omp",
    }


def test_keys_reordered(project):
    def backwards(value):
        if isinstance(value, dict):
            return {key: backwards(value[key]) for key in reversed(value)}
        return value

    project.write_config(backwards(project.config()), sort_keys=False)
    assert project.computed() == set()


def test_a_comment_and_a_docstring_edited(project):
    project.edit("alignment/cka.py", '"""', '"""New words: ')
    project.edit("store/pooling.py", "\n\nimport", "\n\n# A new comment.\nimport")
    done = project.snakemake()
    assert "Nothing to be done" in done.stdout + done.stderr


def test_a_real_edit_computes_the_stages_that_import_it_and_nothing_below_equal_content(project):
    path = project.folder / "src" / "thresh" / "systems" / "torch_models.py"
    path.write_text(path.read_text() + "\n\nUNUSED = 1\n")
    # The same activations come out: gather seals the new stores, and nothing that stands on them computes.
    assert project.computed() == {job for job in EVERYTHING if job.split()[0] in ("check_system", "harvest", "gather")}


def test_an_edit_of_one_method_computes_its_dictionaries_and_no_others(project):
    path = project.folder / "src" / "thresh" / "dictionaries" / "methods" / "online.py"
    path.write_text(path.read_text() + "\n\nUNUSED = 1\n")
    assert project.computed() == {"check_methods methods", "learn_dictionaries dictionaries/net/first/online"}


def test_files_touched(project):
    for path in [*project.folder.glob("inputs/*"), *project.folder.rglob("src/**/*.py"), project.folder / "study.yaml"]:
        os.utime(path)
    assert project.computed() == set()


def test_verify_finds_nothing_in_an_untouched_study(project):
    done = project.snakemake("verify")
    assert "0 findings" in done.stdout + done.stderr
    assert "Nothing to be done" in project.snakemake().stderr


def test_deleted_stores_are_found_by_verify_and_made_again(project):
    results = project.folder / "results"
    shutil.rmtree(results / "activations" / "net" / "first.zarr")
    shutil.rmtree(results / "codes" / "net" / "first" / "random" / "omp.zarr")
    assert project.computed() == set()  # manifests stand: Snakemake alone sees nothing
    done = project.snakemake("verify")
    assert done.returncode == 0
    assert not (results / "activations" / "net" / "first.json").exists()
    # Equal bytes come back, so nothing below them computes.
    assert project.computed() == {
        "harvest activations/net/first.zarr",
        "gather activations/net/first.zarr",
        "infer_codes codes/net/first/random/omp.zarr",
    }


def test_a_damaged_shard_is_written_again_and_no_other(project):
    config = project.config()
    config["harvest"] = {"shard_rows": 512}
    project.write_config(config)
    project.run()
    store = project.folder / "results" / "activations" / "pixels" / "pixels.zarr"
    times = {shard: shard.stat().st_mtime_ns for shard in (store / "values" / "c").rglob("0") if shard.is_file()}
    assert len(times) == 4
    damaged = store / "values" / "c" / "2" / "0"
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    project.snakemake("verify")
    verdicts = project.run()
    assert {job: verdict for job, verdict in verdicts.items() if verdict != "HIT"} == {
        "harvest activations/pixels/pixels.zarr": "RESUME",
        "gather activations/pixels/pixels.zarr": "COMPUTE",
    }
    assert {shard for shard, time in times.items() if shard.stat().st_mtime_ns != time} == {damaged}


def test_snakemakes_own_records_deleted_and_everything_forced(project):
    shutil.rmtree(project.folder / ".snakemake")
    verdicts = project.run("-F")
    assert verdicts == dict.fromkeys(EVERYTHING, "HIT")


def test_several_parts_give_the_store_of_one(project):
    before = (project.folder / "results" / "activations" / "net" / "first.json").read_bytes()
    config = project.config()
    config["harvest"] = {"parts": 3}
    project.write_config(config)
    # Shards are the same however they are shared out; gather looks at them once more and finds equal content.
    assert project.computed() == {
        "gather activations/net/first.zarr",
        "gather activations/pixels/pixels.zarr",
        REPORT,
    }
    assert (project.folder / "results" / "activations" / "net" / "first.json").read_bytes() == before
