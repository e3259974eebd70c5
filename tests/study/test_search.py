"""The search for a fix: what it reads, whom it drops, what it writes, how it is resumed."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.data.parts import prove_half
from misread.errors import StoreError, StudyError
from misread.files import read_json
from misread.learn.views import load_parts
from misread.store import RunFolder
from misread.study.candidates import load_candidates, proof_of
from misread.study.file import load_study
from misread.study.halving import ExploreReadings, Rung, Score, halving, score
from misread.study.run import run_study
from misread.study.search import Search, search
from standin import small_study, work_here

CELL = (0, 1)
LABELS = np.repeat([0, 1, 2], [1000, 1000, 2000])


def drawn(rng, rate, reverse, elsewhere, n_seeds, hardness):
    """Return readings of three classes whose images are unlike; errors are 0→1, 1→0 and 2→0."""
    chance_M = hardness * np.repeat([rate, reverse, elsewhere], [1000, 1000, 2000])
    errs_SM = rng.random((n_seeds, LABELS.size)) < chance_M
    other_M = np.array([1, 0, 0])[LABELS]
    return ExploreReadings(LABELS, np.where(errs_SM, other_M, LABELS), {})


def searched(rng, effects, n_seeds=(2, 4, 8)):
    """Return the last rung of a search among arms of known effects (rate, reverse, elsewhere)."""
    hardness = np.minimum(rng.gamma(0.3, 1 / 0.3, LABELS.size), 50)

    def read(arms, number):
        return {
            arm: drawn(rng, *(rate * k for rate, k in zip((0.012, 0.012, 0.009), effects.get(
                arm, (1, 1, 1)), strict=True)), number, hardness)
            for arm in arms
        }  # fmt: skip

    return list(halving(list(effects), n_seeds, (CELL,), read))[-1]


def test_a_fix_of_half_is_among_the_last_three_in_at_least_80_percent_of_200_searches():
    effects = {f"nothing-{n}": (1, 1, 1) for n in range(8)}
    effects |= {"half": (0.5, 1, 1), "trade": (0.5, 1.5, 1), "harm": (0.6, 1, 1.6)}
    hits = 0
    for number in range(200):
        last = searched(np.random.default_rng(number), effects)
        hits += "half" in [s.arm for s in last.arms[:3]]
    assert hits >= 160


def test_what_grows_is_taken_off_what_is_saved():
    rng = np.random.default_rng(1)
    hardness = np.ones(LABELS.size)
    before = drawn(rng, 0.03, 0.03, 0.03, 200, hardness)
    trade = score("trade", drawn(rng, 0.015, 0.045, 0.03, 200, hardness), before, (CELL,))
    assert trade.saved == pytest.approx(15, abs=2)
    assert trade.harm == pytest.approx(15, abs=2.5)
    assert trade.harmed == "the reverse"
    fix = score("fix", drawn(rng, 0.015, 0.03, 0.03, 200, hardness), before, (CELL,))
    assert fix.score > trade.score + 10
    both = score("trade", drawn(rng, 0.015, 0.045, 0.03, 200, hardness), before, (CELL, CELL[::-1]))
    assert both.saved == pytest.approx(0, abs=2)  # where the reverse is a target too
    assert both.harmed != "the reverse"


TRIED = (
    "[candidates.policy]\npolicy = '*'\n[candidates.both]\npolicy = 'both'\n"
    "[candidates.swapped]\npolicy = 'swapped'\n"
    + "".join(f"[candidates.long-{n}]\nepochs_times = {n}\n" for n in range(2, 12))
)


def candidates_of(study, folder):
    """Write candidates that the stand-in knows; return their file and the arms."""
    file = folder / "candidates.toml"
    file.write_text(TRIED)
    return load_candidates(study, file)[0]


@pytest.fixture
def study(tmp_path, monkeypatch):
    work_here(monkeypatch)
    path = small_study(tmp_path)
    return load_study(str(path), smoke=True)


def test_a_search_learns_one_half_reads_the_other_and_opens_no_confirm(study, tmp_path):
    candidates = candidates_of(study, tmp_path)
    folder = tmp_path / "fix"
    found = search(study, candidates, folder)
    train = load_parts(study.dataset, None).train
    proves_N = prove_half(train)
    runs = [
        RunFolder(folder, path.parent.name, int(path.name[5:])) for path in folder.glob("arms/*/*")
    ]
    assert len(runs) >= len(candidates)
    for run in runs:
        read = run.select()
        assert not proves_N[read["ids"]].any()
        assert not (run.path / "predictions.npz").exists()
    assert found == Search.model_validate(read_json(folder / "fix.json"))
    assert found.n_images <= (~proves_N).sum()
    assert {s.arm for s in found.rungs[0].arms} == set(candidates)
    dropped = [s for s in found.rungs[0].arms if s.dropped]
    assert len(dropped) == len(candidates) - max(3, -(-len(candidates) // 3))
    again = search(study, candidates, folder)
    assert again == found


def test_a_search_that_is_cut_goes_on_to_the_same_end(study, tmp_path, monkeypatch):
    candidates = candidates_of(study, tmp_path)
    whole = search(study, candidates, tmp_path / "whole" / "fix")
    work_here(monkeypatch, most=7)
    with pytest.raises(KeyboardInterrupt):
        search(study, candidates, tmp_path / "cut" / "fix")
    assert not (tmp_path / "cut" / "fix" / "fix.json").exists()
    work_here(monkeypatch)
    cut = search(study, candidates, tmp_path / "cut" / "fix")
    seconds = re.compile(r'"(seconds|minutes)":[0-9.e-]+')
    assert seconds.sub("", cut.model_dump_json()) == seconds.sub("", whole.model_dump_json())


def test_searches_on_one_target_are_counted(study, tmp_path):
    candidates = candidates_of(study, tmp_path)
    few = dict(list(candidates.items())[:3])
    assert search(study, few, tmp_path / "one").number == 1
    assert search(study, few, tmp_path / "two").number == 2
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "fix.json").write_text('{"target": "4:9"}')
    with pytest.raises(StoreError, match=r"other/fix\.json cannot be read as JSON"):
        search(study, few, tmp_path / "three")


def test_the_proof_is_a_study_that_runs(study, tmp_path):
    candidates = candidates_of(study, tmp_path)
    found = search(study, candidates, tmp_path / "fix")
    proof = tmp_path / "proof.toml"
    proof.write_text(proof_of(found, study, candidates))
    loaded = load_study(str(proof), smoke=True)
    best = [s.arm for s in found.best] or [found.rungs[-1].arms[0].arm]
    assert {"baseline", *best} <= set(loaded.arms)
    assert not set(loaded.seeds) & set(range(1_000_001, 1_000_020))
    assert loaded.target == found.target
    assert loaded.judge.seen_before.explore
    assert loaded.trainer == study.trainer
    assert run_study(loaded, tmp_path / "proof") is not None


def a_score(arm, target, seconds):
    return Score(
        arm=arm, target=target, reverse=3, elsewhere=9, slices={}, saved=10 - target, harm=0,
        harmed="", accuracy=0.9, seconds=seconds, cost=seconds / 10,
    )  # fmt: skip


def test_the_proof_has_the_controls_of_its_treatments():
    study = load_study("four-nine")
    candidates, _ = load_candidates(study, None)
    arms = (a_score("margin", 4, 31), a_score("both", 6, 12), a_score("teacher", 11, 30))
    found = Search(
        study="four-nine", smoke=False, dataset_sha256=("a", "b"), target=(4, 9),
        target_name="4→9", n_images=30_000, n_class=2_921, left_out={}, shift=1.25, placebo=(2, 7),
        rungs=(Rung(n_seeds=8, baseline=a_score("baseline", 10, 10), arms=arms),), number=3,
        minutes=12.0,
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        path = Path(folder) / "proof.toml"
        path.write_text(proof_of(found, study, candidates))
        loaded = load_study(str(path))
    assert list(loaded.arms) == [
        "baseline", "margin", "both", "again", "equal-cost", "shifted", "placebo",
    ]  # fmt: skip
    assert loaded.arms["margin"] == candidates["margin"]
    assert loaded.arms["both"] == candidates["both"]
    assert loaded.arms["equal-cost"].epochs == 3
    assert loaded.arms["shifted"].treatments.shift.logit == 1.25
    assert loaded.arms["placebo"].treatments.classes == (2, 7)
    assert "search number 3" in loaded.question
    # thick and thin ones gate every arm of it, though none of these treats ink
    assert loaded.slices == (("dilate", 2), ("erode", 2))


def test_a_budget_leaves_the_costliest_out_and_says_so(study, tmp_path):
    file = tmp_path / "candidates.toml"
    file.write_text("".join(f"[candidates.a{n}]\nepochs = {n}\n" for n in (1, 2, 3)))
    candidates, _ = load_candidates(study, file)
    with pytest.raises(StudyError, match="allow more with --budget"):
        search(study, candidates, tmp_path / "tight", budget_minutes=1e-12)


def test_what_is_wrong_with_candidates_is_said(study, tmp_path):
    file = tmp_path / "candidates.toml"
    for text, words in (
        ("", "names no candidates"),
        ("[candidates.a]\nwight = {}\n", "candidate a: 'wight' is no setting"),
        ("[candidates.a]\nepochs_times = 'x'\n", "epochs_times is 'x'"),
        (
            "[candidates.a]\nwight = {}\n[candidates.b]\nepochs_times = 'x'\n",
            ", classes.\n- candidate b: epochs_times is 'x'",
        ),
        ("candidates = 3", "names no candidates"),
        ("[candidates.baseline]\nepochs_times = 2", "the baseline is the study's own"),
        ("][", "cannot be read as candidates"),
    ):
        file.write_text(text)
        with pytest.raises(StudyError, match=re.escape(words)):
            load_candidates(study, file)


@pytest.mark.usefixtures("study")
def test_the_command_writes_page_table_and_proof(tmp_path):
    folder = tmp_path / "out"
    (tmp_path / "candidates.toml").write_text(TRIED)
    command = ["fix", str(tmp_path / "small.toml"), "--smoke", "--out", str(folder)]
    command += ["--candidates", str(tmp_path / "candidates.toml")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    first = done.stdout.splitlines()[0]
    assert re.match(r"(The best of|None of) 1\d candidates", first)
    search = Search.model_validate(read_json(folder / "fix.json"))
    for scored in search.rungs[-1].arms:
        became = "goes to the proof" if scored in search.best else "saves|does not lower the target"
        assert re.search(rf"^{scored.arm}: .+; ({became})", done.stdout, re.MULTILINE)
    assert "misread run" in done.stdout.splitlines()[-1]
    page = (folder / "fix.html").read_text()
    assert first.rstrip(".") in page.replace("&#39;", "'")
    assert "<svg" in page
    assert (
        f"misread fix {tmp_path}/small.toml --candidates {tmp_path}/candidates.toml --smoke</code>"
        in page
    )
    assert read_json(folder / "fix.json")["smoke"] is True
    before = page
    CliRunner().invoke(main, command)
    assert (folder / "fix.html").read_text() == before


def test_the_built_in_candidates_are_arms_and_those_a_trainer_does_not_know_are_left_out(study):
    arms, left_out = load_candidates(study, None)
    assert left_out["margin"] == "the study's trainer does not know it"
    assert set(arms) == {"documented", "both"}
    ours = load_study("four-nine")
    arms, left_out = load_candidates(ours, None)
    assert left_out == {}
    assert {"affine", "margin", "teacher", "second", "patch-hard"} <= set(arms)
    assert arms["long"].epochs == 3 * ours.epochs["baseline"]
    assert arms["documented"].policy == "documented"


def test_a_built_in_candidate_that_names_no_policy_of_the_study_is_left_out():
    arms, left_out = load_candidates(load_study("two-seven"), None)  # treats both alike as it is
    assert set(left_out) == {"both", "affine-both"}
    assert "no control 'both'" in left_out["both"]
    assert arms["documented"].policy == "cut"


def test_the_proof_asks_what_the_study_asks(study, tmp_path):
    both = study.judge.model_copy(update={"both_directions": True})
    study = study.model_copy(update={"judge": both})
    found = search(study, dict(list(candidates_of(study, tmp_path).items())[:3]), tmp_path / "fix")
    assert found.both_directions
    assert found.targets_name == f"{found.target_name} and {found.reverse_name}"
    (tmp_path / "proof.toml").write_text(proof_of(found, study, candidates_of(study, tmp_path)))
    assert load_study(str(tmp_path / "proof.toml")).judge.both_directions
    back = study.model_copy(update={"target": found.target[::-1]})  # of the same two targets
    arms = dict(list(candidates_of(study, tmp_path).items())[:3])
    assert search(back, arms, tmp_path / "back").number == found.number + 1


NO_POLICY = """
title = "No policy"
dataset = "npz:{folder}/digits.npz"
seeds = [1, 2]
target = "4:9"
recipe = "quick"
trainer = {{call = "{call}"}}
"""


@pytest.mark.usefixtures("few_figures")
@pytest.mark.parametrize("slices", ["", 'slices = [["dilate", 2], ["erode", 2]]\n'])
def test_arms_without_a_policy_are_judged_and_described(tmp_path, monkeypatch, slices):
    work_here(monkeypatch)
    path = small_study(tmp_path, NO_POLICY + slices + "[arms.long]\nepochs = 2\n")
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["run", str(path), "--out", str(out)])
    assert done.exit_code == 0, done.output
    page = (out / "report.html").read_text()
    assert "epochs 2" in page
    assert ('id="figure-preview"' in page) == bool(slices)
    verdicts = read_json(out / "verdict.json")["arms"]
    sliced = {item["slice_name"] for item in verdicts["long"]["collateral"]} - {""}
    assert sliced == ({"dilate 2 px", "erode 2 px"} if slices else set())


def test_a_trainer_that_knows_no_candidate_is_told_how_to_name_some(tmp_path):
    path = small_study(tmp_path, NO_POLICY + "[arms.long]\nepochs = 2\n")
    done = CliRunner().invoke(main, ["fix", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "--candidates FILE" in done.stderr
    assert "Trying" not in done.stderr


def test_treatments_need_our_trainer(tmp_path):
    path = small_study(tmp_path, NO_POLICY + "[arms.heavy]\nweights = {{true = 2.0}}\n")
    with pytest.raises(StudyError, match="heavy has treatments, which only our trainer knows"):
        load_study(str(path))
