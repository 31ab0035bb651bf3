"""Stores filled by several jobs: the same bytes however the work is shared out, and only what is missing is written."""

import shutil

import pytest

from thresh.errors import StoreError
from thresh.stages import Job, Product, read_manifest
from thresh.stages.sharded import run_seal, run_sharded
from thresh.stages.verify import verify_study

SHARDS = [f"c/{index}" for index in range(5)]


class Harvest:
    def __init__(self, root):
        self.root = root
        self.written = []

    def part(self, part=0, parts=1, layers=("one",), inputs=("x",), stop_after=None):
        def lay_out(job):
            for product in job.products:
                folder = job.fresh(product)
                (folder / "c").mkdir()
                (folder / "layout").write_text(product.name)
            return {product.name: (job.folder(product), SHARDS) for product in job.products}

        def write(job, stale):
            for name, shards in stale.items():
                for index in shards.missing:
                    if stop_after is not None and len(self.written) >= stop_after:
                        raise KeyboardInterrupt
                    (shards.product.store / SHARDS[index]).write_text(f"{name} {index}")
                    shards.written(index)
                    self.written.append((name, index))

        self.written = []
        manifest = self.root / "parts" / f"{part}.json"
        products = [Product(name, {}, manifest, self.root / f"{name}.zarr") for name in layers]
        run_sharded("harvest", Job({}, {}, products), "code", list(inputs), part, parts, lay_out, write)
        return read_manifest(manifest)

    def gather(self, digests=("y",)):
        product = Product("", {}, self.root / "one.json", self.root / "one.zarr")

        def work(job):
            (product.store / "stats").write_text("stats")
            return {"rows": 5}

        run_seal("gather", Job({}, {}, [product]), "code", list(digests), work)
        return read_manifest(product.manifest)


@pytest.fixture
def harvest(tmp_path):
    return Harvest(tmp_path / "activations" / "system")


def test_one_part_or_three_give_the_same_store(tmp_path):
    one, three = Harvest(tmp_path / "1"), Harvest(tmp_path / "3")
    one.part()
    written = []
    for part in range(3):
        three.part(part, 3)
        written.extend(three.written)
    assert sorted(written) == [("one", index) for index in range(5)]
    assert one.gather()["digest"] == three.gather()["digest"]


def test_another_number_of_parts_computes_nothing_again(harvest):
    harvest.part(0, 1)
    for part in range(4):
        harvest.part(part, 4)
        assert harvest.written == []


def test_a_killed_job_goes_on_at_the_first_missing_shard(harvest, capsys):
    with pytest.raises(KeyboardInterrupt):
        harvest.part(stop_after=2)
    capsys.readouterr()
    harvest.part()
    assert harvest.written == [("one", 2), ("one", 3), ("one", 4)]
    assert capsys.readouterr().out.startswith("RESUME harvest")


def test_a_shard_without_a_note_is_written_again(harvest):
    with pytest.raises(KeyboardInterrupt):
        harvest.part(stop_after=1)
    (harvest.root / "one.zarr" / SHARDS[1]).write_text("half of a sh")
    harvest.part()
    assert harvest.written[0] == ("one", 1)


def test_an_added_layer_is_harvested_alone(harvest):
    before = harvest.part()
    after = harvest.part(layers=("one", "two"))
    assert {name for name, _ in harvest.written} == {"two"}
    assert after["parts"]["one"] == before["parts"]["one"]


def test_other_inputs_clear_the_store(harvest):
    harvest.part()
    harvest.part(inputs=("other",))
    assert len(harvest.written) == 5


def test_a_lost_shard_is_an_error_for_gather_and_made_again_after_verify(harvest, tmp_path):
    harvest.part()
    sealed = harvest.gather()
    (harvest.root / "one.zarr" / SHARDS[3]).unlink()
    with pytest.raises(StoreError, match=r"1 of 5 shards are missing or cut, first \['c/3'\]"):
        harvest.gather()
    stores, findings = verify_study(tmp_path)
    assert stores == 1
    assert len(findings) == 1
    assert not (harvest.root / "one.json").exists()
    assert not (harvest.root / "parts" / "0.json").exists()
    harvest.part()
    assert harvest.written == [("one", 3)]
    assert harvest.gather() == sealed


def test_a_store_that_was_removed_between_parts_is_made_again_after_verify(harvest, tmp_path):
    """The other part's manifest still vouches for shards that are gone."""
    for part in range(2):
        harvest.part(part, 2)
    known = harvest.gather()
    shutil.rmtree(harvest.root / "one.zarr")
    harvest.part(0, 2)
    with pytest.raises(StoreError, match="3 of 5 shards are missing"):
        harvest.gather()
    _, findings = verify_study(tmp_path)
    assert [finding.split(":")[1].split(";")[0] for finding in findings] == [" 3 of its shards are not written"]
    assert not list((harvest.root / "parts").glob("*.json"))
    for part in range(2):
        harvest.part(part, 2)
    assert harvest.gather() == known


def test_a_part_without_shards_says_so(harvest, capsys):
    harvest.part(0, 8)
    assert capsys.readouterr().out.endswith("part 0 of 8: it has none\n")
    harvest.part(1, 8)
    assert capsys.readouterr().out.endswith("part 1 of 8: 0 of its 1 shards were there\n")


@pytest.mark.parametrize("name", [SHARDS[2], "layout", "stats"])
def test_verify_finds_a_flipped_byte_anywhere(harvest, tmp_path, name):
    harvest.part()
    sealed = harvest.gather()
    assert verify_study(tmp_path) == (1, [])
    path = harvest.root / "one.zarr" / name
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    _, findings = verify_study(tmp_path)
    assert findings[0].startswith(f"{path}: its bytes are not those that were written; removed ")
    harvest.part()
    assert harvest.gather() == sealed


def test_verify_finds_a_store_that_is_gone(harvest, tmp_path):
    harvest.part()
    harvest.gather()
    shutil.rmtree(harvest.root / "one.zarr")
    _, findings = verify_study(tmp_path)
    assert findings
    assert not (harvest.root / "one.json").exists()
