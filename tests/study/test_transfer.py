"""What a study's models read in other data, and what the judge says of it."""

import json
import shutil

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from arrays import verdict_of
from misread.cli import main
from misread.data.mnist import load_mnist
from misread.data.parts import stratified_subset
from misread.data.sources import load
from misread.errors import DataError, StoreError
from misread.files import read_json, write_json
from misread.images.mnist_form import all_to_convention
from misread.learn.views import unseen
from misread.store import RunFolder
from misread.study.plan import load_plan
from misread.study.reread import Calls
from misread.study.transfer import load_transfers, run_transfer
from standin import work_here


def idx(folder, images, labels):
    folder.mkdir(exist_ok=True)
    for part, own in (("train", slice(400)), ("t10k", slice(400, None))):
        for kind, array in (("images-idx3", images[own]), ("labels-idx1", labels[own])):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            path = folder / f"{part}-{kind}-ubyte"
            path.write_bytes(header + array.astype(np.uint8).tobytes())
    return f"idx:{folder}"


@pytest.fixture
def large(tmp_path):
    """MNIST's first test images, three times as large and dark on white."""
    test = load_mnist()[1]
    images = 255 - np.stack([cv2.resize(i, None, fx=3, fy=3) for i in test.images[:600]])
    return idx(tmp_path / "large", images, test.labels_N[:600])


def test_other_data_are_read_in_the_convention(large):
    data = unseen("mnist", large)
    assert data.images.shape == (600, 28, 28)
    off = np.abs(data.images.astype(int) - load_mnist()[1].images[:600])
    assert off.mean() < 12
    assert (data.labels_N == load_mnist()[1].labels_N[:600]).all()


def test_images_that_were_trained_on_are_left_out():
    data = unseen("mnist", "mnist")
    assert len(data) == 10_000
    assert (data.images == all_to_convention(load_mnist()[1].images)).all()


def test_data_of_other_classes_or_shapes_are_refused(tmp_path, large):
    np.savez(tmp_path / "w.npz", images=np.zeros((40, 9, 9)), labels=np.array(["a", "b"] * 20))
    with pytest.raises(DataError, match="has a class 'a', which the models of mnist do not know"):
        unseen("mnist", f"npz:{tmp_path / 'w.npz'}")
    with pytest.raises(DataError, match=r"has images \[8, 8\], and the models of .* \[84, 84\]"):
        unseen(large, "sklearn-digits")


@pytest.fixture(scope="module")
def transferred(rehearsal, tmp_path_factory):
    """A study's models on scikit-learn's digits and on MNIST, by the command line."""
    out = tmp_path_factory.mktemp("transfer")
    command = ["transfer", "--trust", str(rehearsal), "--data", "sklearn-digits", "--data", "mnist"]
    with pytest.MonkeyPatch.context() as patch:
        work_here(patch)
        done = CliRunner().invoke(main, [*command, "--out", str(out), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    return rehearsal, out, done.output


def test_every_model_reads_and_every_arm_is_judged(transferred):
    study, out, said = transferred
    plan = load_plan(study)
    readings = np.load(out / "sklearn-digits" / "readings.npz")
    assert len(readings["labels"]) == 1797
    for arm in plan.policies:
        assert readings[arm].shape == (len(plan.study.seeds), 1797)
    verdict = read_json(out / "sklearn-digits" / "verdict.json")["arms"]["both"]
    own = verdict_of(
        readings["labels"], readings["baseline"], readings["both"],
        cells=[plan.target], arm="both", margins=plan.study.judge.margins,
    )  # fmt: skip
    assert verdict["verdict"] == own.verdict
    assert verdict["cells"][0]["effect"]["low"] == own.cells[0].effect.low
    assert verdict["exploratory"]
    assert "1,797 images, 181 of class 4" in said
    assert {path.name for path in out.glob("*.png")} == {"transfer.png", "convention.png"}


def test_the_models_are_those_of_the_study(transferred):
    study, out, _ = transferred
    plan = load_plan(study)
    ids = np.load(study / "arms/both/seed_42/predictions.npz")["labels"].size
    read = np.load(out / "mnist" / "arms" / "both" / "seed_42" / "predictions.npz")
    confirm = RunFolder(study, "both", 42).predictions()
    chosen = stratified_subset(load("mnist")[1].labels_N, ids)
    same = read["predictions"][0][chosen] == confirm["predictions"][0]
    assert same.mean() > 0.995
    assert plan.study.smoke


def test_what_was_read_is_not_read_again(transferred, monkeypatch):
    study, out, _ = transferred
    before = {p: p.stat().st_mtime_ns for p in out.glob("*/arms/*/*/predictions.npz")}
    lost = out / "sklearn-digits" / "arms" / "both" / "seed_42" / "predictions.npz"
    content = lost.read_bytes()
    lost.unlink()
    begun, done = [], work_here(monkeypatch)
    run_transfer(study, "sklearn-digits", out, calls=Calls(lambda *counts: begun.extend(counts)))
    assert lost.read_bytes() == content
    assert begun == [len(before) // 2, len(before) // 2 - 1]
    assert [(order.run.arm, order.run.seed) for order in done] == [("both", 42)]
    assert all(p.stat().st_mtime_ns == t for p, t in before.items() if p != lost)
    assert [each.source for each in load_transfers(study, out)] == ["mnist", "sklearn-digits"]


def test_readings_of_other_data_are_never_mixed(transferred, tmp_path, large):
    study, _, _ = transferred
    here = tmp_path / "out" / "idx-large"
    here.mkdir(parents=True)
    plan = load_plan(study)
    write_json(here / "source.json", {"source_sha256": ["a", "b"], "plan_sha256": plan.sha256})
    with pytest.raises(StoreError, match="holds readings of other data under this name"):
        run_transfer(study, large, tmp_path / "out")


def told(*arguments):
    done = CliRunner().invoke(main, ["transfer", "--trust", *map(str, arguments)])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2
    return done.output.strip()


def test_refusals(transferred, tmp_path):
    study, out, _ = transferred
    said = told(tmp_path, "--data", "mnist")
    assert "is no folder of a finished study" in said
    assert "there is no dataset 'x'" in told(study, "--data", "x")
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copyfile(study / "plan.json", bare / "plan.json")
    said = told(bare, "--data", "sklearn-digits")
    assert "seed_42 holds no model; finish the study first, or bring its models back" in said
    with pytest.raises(StoreError, match="holds no finished transfer"):
        load_transfers(study, tmp_path)
    stored = json.loads((out / "mnist" / "transfer.json").read_text("utf-8"))
    (bare / "transfer.json").write_text(json.dumps(stored | {"accuracy": None}))
    with pytest.raises(StoreError, match=r"transfer\.json cannot be read as JSON \(accuracy: "):
        load_transfers(study, tmp_path)


def test_json(transferred):
    study, out, _ = transferred
    command = [
        "transfer",
        "--trust",
        str(study),
        "--data",
        "sklearn-digits",
        "--out",
        str(out),
        "--json",
    ]
    (told,) = json.loads(CliRunner().invoke(main, command).stdout)
    assert told["n_images"] == 1797
    assert set(told["verdict"]["arms"]) == set(load_plan(study).study.treated_arms)


# --- what the docs say ----------------------------------------------------------------------------

SETS = ("h5-usps", "csv-optdigits", "sklearn-digits")


@pytest.mark.parametrize("name", SETS)
def test_the_page_says_what_the_stored_readings_give(project, name):
    page = (project / "docs/results/transfer.md").read_text("utf-8")
    own = page.partition(f"\n### {name}\n")[2].partition("\n##")[0]
    with np.load(project / f"docs/results/transfer/{name}-readings.npz") as kept:
        readings = dict(kept)
    labels_N = readings["labels"]
    fours_N = labels_N == 4
    for arm in ("documented", "one-sided", "swapped", "both"):
        found = verdict_of(labels_N, readings["baseline"], readings[arm], cells=[(4, 9)])
        errors = (readings[arm][:, fours_N] == 9).sum(axis=1).mean()
        accuracy = f"{(readings[arm] == labels_N).mean():.2%}"
        (line,) = (line for line in own.splitlines() if line.startswith(f"| {arm} |"))
        told = ", ".join(filter(None, (found.verdict, found.qualifier)))
        assert line.startswith(f"| {arm} | {told} | {accuracy} | {errors:.1f} |")


def test_scikit_learns_digits_are_the_test_file_of_optdigits(project):
    folder = project / "docs/results/transfer"
    large = np.load(folder / "csv-optdigits-readings.npz")
    small = np.load(folder / "sklearn-digits-readings.npz")
    for arm in ("baseline", "both"):
        last = np.sort(large[arm][:, -1797:], axis=1)
        assert (last == np.sort(small[arm], axis=1)).all()
