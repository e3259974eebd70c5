"""What the report and `misread atlas` say of images: who misreads them, what changed for good."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from made_up import changed as other_evidence
from misread.cli import main
from misread.show.figures.ledger import changes
from misread.show.target import held_table, ledger_table
from misread.study.arms import BASELINE
from misread.study.evidence import load_evidence
from misread.study.select import shrinkage


def run(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture
def readings(tmp_path):
    """Ten seeds: image 0 always read as b, image 1 by half of the seeds, image 2 by one."""
    labels = np.repeat(["a", "b"], 40)
    read = np.tile(labels, (10, 1))
    read[:, 0] = "b"
    read[:5, 1] = "b"
    read[7, 2] = "b"
    read[:, 3] = "b"
    disputed = np.arange(80) == 3
    path = tmp_path / "read.npz"
    np.savez(path, labels=labels, predictions=read, disputed=disputed)
    np.savez(tmp_path / "images.npz", images=np.full((80, 8, 8), 200, np.uint8))
    return path


def test_the_atlas_command_splits_a_confusion(readings):
    told = json.loads(run("atlas", readings, "--json").output)
    (cell,) = told["cells"]
    assert (cell["true"], cell["predicted"], cell["errors_per_seed"]) == ("a", "b", 2.6)
    groups = {name: [m["image"] for m in cell[name]] for name in
              ("hard_core", "coin_flip", "flicker", "disputed")}  # fmt: skip
    assert groups == {"hard_core": [0], "coin_flip": [1], "flicker": [2], "disputed": [3]}
    assert cell["best_reduction"] == pytest.approx(16 / 26)
    table = run("atlas", readings).output
    assert "1 (38%)" in table
    assert "62%" in table


def test_the_atlas_command_draws(readings, tmp_path):
    for options in ([], ["--cell", "a:b", "--images", tmp_path / "images.npz"]):
        figure = tmp_path / f"{len(options)}.png"
        done = run("atlas", readings, "--figure", figure, *options)
        assert done.exit_code == 0, done.output
        assert figure.read_bytes().startswith(b"\x89PNG")
        assert str(figure) in done.output.replace("\n", "")


def test_pictures_that_do_not_fit_are_refused(readings, tmp_path):
    np.savez(tmp_path / "few.npz", images=np.zeros((3, 8, 8), np.uint8))
    done = run("atlas", readings, "--images", tmp_path / "few.npz")
    assert done.exit_code == 2
    assert "holds uint8 images [3, 8, 8]; needed are uint8 images [80,H,W]" in done.output
    done = run("atlas", readings, "--images", readings)
    assert "holds no array `images`" in done.output
    done = run("atlas", readings, "--images", tmp_path / "images.npz")
    assert "--images are for the figure; say with --figure" in done.output


def test_one_seed_is_not_split(readings, tmp_path):
    with np.load(readings) as arrays:
        np.savez(
            tmp_path / "one.npz", labels=arrays["labels"], predictions=arrays["predictions"][:1]
        )
    told = run("atlas", tmp_path / "one.npz").output
    assert "one seed says nothing of chance" in " ".join(told.split())


def test_a_study_shows_confirm_once_it_is_open_and_select_before(rehearsal, tmp_path):
    drawn = []
    for options in ([], ["--cell", "4:9"]):  # bars, and images
        figure = tmp_path / f"{len(options)}.png"
        done = run("atlas", rehearsal, "--figure", figure, *options)
        assert done.exit_code == 0, done.output
        assert done.output.startswith("Exploratory: this is a smoke run")
        assert "the baseline on confirm" in done.output
        drawn.append(figure.read_bytes())
    assert drawn[0] != drawn[1]
    evidence = load_evidence(rehearsal)
    told = json.loads(run("atlas", rehearsal, "--cell", "4:9", "--json").output)
    (cell,) = told["cells"]
    assert cell["errors_per_seed"] == evidence.summary["target"]["confirm"]["mean"]
    for group in ("hard_core", "coin_flip", "flicker", "undivided", "disputed"):
        for one in cell[group]:
            assert one["id"] == evidence.parts.confirm_ids_N[one["image"]]

    closed = tmp_path / "closed"
    shutil.copytree(rehearsal, closed)
    (closed / "plan.json").unlink()
    told = json.loads(run("atlas", closed, "--json", "--top", 90).output)
    errors = json.loads((rehearsal / "errors.json").read_text("utf-8"))
    images = {(str(c["true"]), str(c["predicted"])): c["images"] for c in errors["cells"]}
    assert sum(map(len, images.values())) == sum(c["errors_per_seed"] for c in told["cells"])
    for cell in told["cells"]:
        own = {image["id"] for image in images[cell["true"], cell["predicted"]]}
        assert {one["id"] for one in cell["undivided"] + cell["disputed"]} == own
        assert cell["hard_core"] == []
    assert "images of its own" in run("atlas", closed).output
    refused = run("atlas", rehearsal, "--images", tmp_path / "x.npz")
    assert "is a study and knows its images" in refused.output
    refused = run("atlas", tmp_path)
    assert "holds no errors.json; run `misread errors STUDY --train` first" in refused.output


@pytest.fixture
def changed(rehearsal):
    """Return evidence in which arm `both` broke images 5 and 6 (6 is a four read as a nine) and
    mended image 7, in every seed, and turned every one into a two."""
    evidence = load_evidence(rehearsal)
    labels_N = evidence.confirm.labels_N
    four, other = np.flatnonzero(labels_N == 4)[0], np.flatnonzero(labels_N == 0)[0]
    mended, ones_N = np.flatnonzero(labels_N == 3)[0], labels_N == 1
    read = {arm: np.tile(labels_N.astype(np.uint8), (10, 1)) for arm in evidence.arms}
    study = evidence.plan.study.model_copy(update={"seeds": tuple(range(10))})
    plan = evidence.plan.model_copy(update={"study": study})
    read[BASELINE][:, mended] = 8
    read["both"][:, four] = 9
    read["both"][:, other] = 6
    read["both"][:, ones_N] = 2
    seen = replace(other_evidence(evidence, read), plan=plan.model_copy(update={"slices": ()}))
    return seen, (four, other, mended)


def test_the_ledger_names_what_changed_for_good(changed):
    evidence, (four, other, mended) = changed
    found = {c.place: c for c in changes(evidence, "both") if c.true != 1}
    assert {n: c.kind for n, c in found.items()} == {
        four: "broken", other: "broken", mended: "mended",
    }  # fmt: skip
    assert [c.is_target for c in found.values()].count(True) == 1
    assert found[four].is_target
    assert (found[four].before, found[four].after, found[four].n_after) == (4, 9, 10)
    rows = [row for row in ledger_table(evidence).rows if row[3] != "1"]
    number = evidence.parts.confirm_ids_N[four]
    assert (f"#{number}", "both", "broken", "4", "4 (10 of 10)", "9 (10 of 10)", "yes") in rows


def test_frames_mark_exactly_what_holds_up(changed):
    evidence, _ = changed
    held = evidence.verdicts["both"].held_up
    assert set(held) == {(1, 2)}
    assert held[1, 2] <= 0.05
    verdict = evidence.verdicts["both"]
    q_of = {(i.true, i.predicted): i.q_value for i in verdict.collateral if i.kind == "cell"}
    assert held == {cell: q for cell, q in q_of.items() if q <= 0.05}
    assert ("1→2", "both") in [row[:2] for row in held_table(evidence).rows]


def test_shrinkage_names_the_rates_and_stays_in_range():
    confirm_SN = np.zeros((10, 1000), bool)
    confirm_SN[:, :2] = True
    found = shrinkage(
        words="4→9", errors_S=[4] * 10, images_S=[500] * 10, confirm_SN=confirm_SN, chosen=True
    )
    assert (found.select.rate, found.confirm.rate) == (0.008, 0.002)
    assert found.shrinkage == pytest.approx(-0.75)
    assert found.confirm.low == 0
    # seeds that happen to agree are no certainty: Clopper and Pearson's interval of 40 in 5,000
    assert (found.select.low, found.select.high) == (
        pytest.approx(0.00572, abs=1e-5),
        pytest.approx(0.01088, abs=1e-5),
    )
    assert "0.80% on select and 0.20% on confirm (shrinkage −75%)" in found.sentence
    assert "led on select" in found.sentence
    named = shrinkage(
        words="4→9", errors_S=[0] * 2, images_S=[50] * 2, confirm_SN=confirm_SN, chosen=False
    )
    assert named.shrinkage is None
    assert "named in the study file" in named.sentence


def test_the_summary_holds_the_shrinkage(rehearsal):
    summary = json.loads((rehearsal / "experiment_summary.json").read_text())
    select = summary["target"]["select"]["mean"]
    found = summary["target"]["shrinkage"]
    errors = json.loads((rehearsal / "errors.json").read_text())
    assert found["select"]["rate"] == pytest.approx(
        summary["target"]["select"]["rate"]
    ), (select, errors["n_images_per_seed"])  # fmt: skip
    assert found["confirm"]["rate"] == pytest.approx(summary["target"]["confirm"]["rate"])
