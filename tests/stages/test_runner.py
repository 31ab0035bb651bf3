"""HIT or COMPUTE: what makes a result stale, and that nothing half-written is taken for whole."""

import errno
import json
import os
import shutil

import pytest

from thresh.errors import StoreError
from thresh.stages import Job, Product, canonical, read_manifest, require_space, run_products
from thresh.stages.record import read_record
from thresh.stages.verify import verify_study


class Stage:
    """A stage whose work writes a file and counts how often it is called."""

    def __init__(self, folder):
        self.folder = folder
        self.calls = []

    def run(self, names=("a",), params=None, own=None, inputs=("x",), code="c", fail=None, fail_after=None):
        products = [
            Product(name, (own or {}).get(name, {}), self.folder / f"{name}.json", self.folder / f"{name}.store")
            for name in names
        ]

        def work(job):
            self.calls.append([product.name for product in job.products])
            for product in job.products:
                (job.folder(product) / "data").write_text(f"{job.params}{product.params}")
                if fail:
                    raise fail
                if fail_after:
                    job.finished(product.name, {"size": 1})
                if product.name == fail_after:
                    raise RuntimeError("killed")
            return {product.name: {"size": 1} for product in job.products}

        return run_products("stage", Job(params or {}, {}, products), code, inputs, work)


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def test_equal_parameters_code_and_inputs_are_a_hit(stage):
    assert stage.run() == {"a": "COMPUTE"}
    assert stage.run() == {"a": "HIT"}
    assert stage.calls == [["a"]]


@pytest.mark.parametrize("change", [{"params": {"k": 2}}, {"code": "d"}, {"inputs": ("y",)}, {"own": {"a": {"k": 1}}}])
def test_a_change_of_anything_in_the_key_computes(stage, change):
    stage.run()
    assert stage.run(**change) == {"a": "COMPUTE"}
    assert stage.run(**change) == {"a": "HIT"}


def test_a_product_that_is_added_computes_alone(stage):
    stage.run(names=("a", "b"))
    assert stage.run(names=("a", "b", "c")) == {"a": "HIT", "b": "HIT", "c": "COMPUTE"}
    assert stage.calls[-1] == ["c"]


def test_equal_content_has_equal_manifests_whatever_the_key(stage):
    stage.run(params={})
    first = (stage.folder / "a.json").read_bytes()
    stage.run(params={}, code="other")
    assert (stage.folder / "a.json").read_bytes() == first
    assert read_record(stage.folder / "a.store").key != ""


def test_a_lost_manifest_is_written_again_without_computing(stage):
    stage.run()
    before = (stage.folder / "a.json").read_bytes()
    (stage.folder / "a.json").unlink()
    assert stage.run() == {"a": "HIT"}
    assert (stage.folder / "a.json").read_bytes() == before


@pytest.mark.parametrize("harm", ["delete", "cut"])
def test_a_store_with_a_missing_or_cut_file_is_stale(stage, harm):
    stage.run()
    data = stage.folder / "a.store" / "data"
    data.unlink() if harm == "delete" else data.write_text("")
    assert stage.run() == {"a": "COMPUTE"}


def test_failed_work_leaves_the_older_result_whole(stage):
    stage.run()
    with pytest.raises(RuntimeError, match="power cut"):
        stage.run(params={"k": 2}, fail=RuntimeError("power cut"))
    assert stage.run() == {"a": "HIT"}


def test_products_that_are_finished_stay_when_the_job_is_killed(stage):
    with pytest.raises(RuntimeError, match="killed"):
        stage.run(names=("a", "b", "c"), fail_after="b")
    assert stage.run(names=("a", "b", "c")) == {"a": "HIT", "b": "HIT", "c": "COMPUTE"}


def test_what_a_killed_job_left_is_never_taken_for_whole(stage):
    with pytest.raises(RuntimeError):
        stage.run(fail=RuntimeError("killed"))
    assert not (stage.folder / "a.json").exists()
    assert stage.run() == {"a": "COMPUTE"}


def test_a_full_disk_is_told_with_the_place(stage):
    with pytest.raises(StoreError, match=r"a\.store: the disk is full .* MB free"):
        stage.run(fail=OSError(errno.ENOSPC, "No space left on device"))


class WriterError(Exception):
    """As safetensors raises it: no OSError, and no errno."""


@pytest.mark.parametrize(
    "told",
    [
        "Error while serializing: I/O error: No space left on device (os error 28)",
        f"Error while serializing: I/O error: {os.strerror(errno.EDQUOT)} (os error {errno.EDQUOT})",
    ],
)
@pytest.mark.parametrize("wrapped", ["not", "as cause", "as context"])
def test_a_full_disk_that_a_library_meets_is_told_too(stage, told, wrapped):
    error = WriterError(told)
    if wrapped == "as cause":
        error, error.__cause__ = WriterError("the model was not saved"), error
    if wrapped == "as context":
        error, error.__context__ = WriterError("the model was not saved"), error
    with pytest.raises(StoreError, match=r"a\.store: the disk is full .* MB free"):
        stage.run(fail=error)


@pytest.mark.parametrize(
    "error",
    [
        WriterError("Error while serializing: I/O error: Permission denied (os error 13)"),
        OSError(errno.EIO, "Input/output error"),
    ],
)
def test_other_errors_of_the_work_pass_as_they_are(stage, error):
    with pytest.raises(type(error)) as raised:
        stage.run(fail=error)
    assert raised.value is error


def test_what_cannot_fit_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 100, 5_000_000))
    with pytest.raises(StoreError, match="found 5 MB free on its disk, needed 80 MB"):
        require_space(tmp_path / "not" / "there.zarr", 80_000_000)


def test_a_page_can_be_its_own_manifest(tmp_path):
    store = tmp_path / "report"

    def work(job):
        (job.folder(job.products[0]) / "index.html").write_text("<p>page")
        (job.folder(job.products[0]) / "figure").write_text("figure")
        return {"": {}}

    def run():
        product = Product("", {}, store / "index.html", store)
        return run_products("report", Job({}, {}, [product]), "c", ["x"], work)

    assert run() == {"": "COMPUTE"}
    (store / "index.html").unlink()  # as Snakemake does before a job
    assert run() == {"": "HIT"}
    assert (store / "index.html").read_text() == "<p>page"


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    assert canonical({"b": [1, 2], "a": {"d": 0.1, "c": None}}) == '{"a":{"c":null,"d":0.1},"b":[1,2]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})


def test_a_manifest_holds_no_time_host_or_path(stage):
    stage.run()
    content = read_manifest(stage.folder / "a.json")
    assert set(content) == {"digest", "facts"}
    told = json.loads((stage.folder / "a.provenance").read_text())
    assert {"key", "host", "commit", "versions", "seconds"} <= set(told)


def test_a_result_without_files_is_whole_too(tmp_path):
    product = Product("", {}, tmp_path / "checked.json", tmp_path / "checked")
    run_products("check", Job({}, {}, [product]), "c", ["x"], lambda job: {"": {"fine": True}})
    assert verify_study(tmp_path) == (1, [])


class Resumed(Stage):
    """A stage whose work keeps what it has in its folder, and is killed once."""

    def run(self, killed=False, **changed):
        product = Product("a", {}, self.folder / "a.json", self.folder / "a.store")

        def work(job):
            kept = job.folder(product) / "kept"
            self.calls.append(kept.read_text() if kept.exists() else None)
            kept.write_text("half")
            if killed:
                raise RuntimeError("killed")
            kept.unlink()
            (job.folder(product) / "data").write_text("whole")
            return {"a": {}}

        key = {"code": "c", "inputs": ("x",)} | changed
        return run_products("stage", Job({}, {}, [product]), work=work, resumes=True, **key)


@pytest.mark.parametrize("change", [{}, {"code": "d"}, {"inputs": ("y",)}])
def test_a_killed_stage_goes_on_with_its_own_folder_and_with_no_other(tmp_path, change):
    stage = Resumed(tmp_path)
    with pytest.raises(RuntimeError, match="killed"):
        stage.run(killed=True)
    assert stage.run(**change) == {"a": "COMPUTE" if change else "RESUME"}
    assert stage.calls == [None, None if change else "half"]
    assert [path.name for path in (tmp_path / "a.store").iterdir() if path.name != ".thresh"] == ["data"]
    assert stage.run(**change) == {"a": "HIT"}
    assert Resumed(tmp_path / "other").run() == {"a": "COMPUTE"}
    assert (tmp_path / "other" / "a.json").read_bytes() == (tmp_path / "a.json").read_bytes()
