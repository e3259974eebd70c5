"""`misread judge` as people call it: the same question, however the files were written."""

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from misread.cli import main
from misread.judge import judge
from misread.judge.predictions import Predictions
from misread.judge.survey import survey
from misread.readers.convert import write_predictions
from misread.readers.read import read_predictions
from misread.study.evidence import load_evidence
from misread.study.verdict import judge_arm

NAMES = tuple("0123456789")


def run(*arguments):
    done = CliRunner().invoke(main, ["judge", *(str(argument) for argument in arguments)])
    assert done.exit_code in (0, 1), done.output
    return done


def verdict(*arguments):
    return json.loads(run(*arguments, "--json").stdout)


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """A fix that ends 4→9, and which thin fours do not like; seeds and images are named."""
    folder = tmp_path_factory.mktemp("sides")
    rng = np.random.default_rng(0)
    labels = np.arange(3000) % 10
    ids = [f"img_{n:04}" for n in range(3000)]
    for name, wrong, thin_wrong in (("before", 0.2, 0.1), ("after", 0.02, 0.6)):
        preds = np.tile(labels, (5, 1))
        preds[:, labels == 4] = np.where(rng.random((5, 300)) < wrong, 9, 4)
        thin = Predictions.from_arrays(
            [4] * 50, np.where(rng.random((5, 50)) < thin_wrong, 9, 4), class_names=NAMES
        )
        side = Predictions.from_arrays(
            labels, preds, seeds=range(5), ids=ids, disputed_N=labels > 8
        )
        write_predictions(side, folder / f"{name}.npz")
        write_predictions(thin, folder / f"{name}_thin.npz")
        for suffix in (".npz", ".csv", ".parquet"):
            write_predictions(side.with_slice("thin", thin), folder / f"{name}_all{suffix}")
    return folder


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_slices_in_a_column_or_in_files(sides, suffix):
    plain = verdict(sides / "before.npz", sides / "after.npz", "--cell", "4:9")
    assert plain["verdict"] == "REDUCED"
    thin = f"thin={sides / 'before_thin.npz'},{sides / 'after_thin.npz'}"
    files = verdict(sides / "before.npz", sides / "after.npz", "--cell", "4:9", "--slice", thin)
    assert files["verdict"] == "HARM"
    column = verdict(sides / f"before_all{suffix}", sides / f"after_all{suffix}", "--cell", "4:9")
    names = {name: files[name] for name in ("arm", "against")}
    assert column | names == files
    assert column["seeds"] == [0, 1, 2, 3, 4]


def test_one_file_against_another_kind(sides):
    both = [
        verdict(sides / "before_all.csv", sides / f"after_all{suffix}", "--cell", "4:9")["cells"]
        for suffix in (".npz", ".parquet")
    ]
    assert both[0] == both[1]


def test_class_names_in_cells(sides, tmp_path):
    words = ("no", "one", "two", "three", "four: a", "five", "six", "seven", "eight", "nine")
    for name in ("before", "after"):
        side = read_predictions(sides / f"{name}.npz")
        named = Predictions(side.labels_N, side.preds_SN, words, side.seeds, side.ids)
        write_predictions(named, tmp_path / f"{name}.csv")
    told = verdict(tmp_path / "before.csv", tmp_path / "after.csv", "--cell", "four: a:nine")
    plain = verdict(sides / "before.npz", sides / "after.npz", "--cell", "4:9")
    assert told["cells"][0]["name"] == "four: a→nine"
    assert told["cells"][0]["effect"] == plain["cells"][0]["effect"]
    assert told["class_names"] == sorted(words)


def test_seeds_that_are_no_pairs(sides, tmp_path):
    side = read_predictions(sides / "after.npz")
    fewer = Predictions(side.labels_N, side.preds_SN[:3], NAMES, ("7", "8", "9"), side.ids)
    write_predictions(fewer, tmp_path / "fewer.parquet")
    done = run(sides / "before.npz", tmp_path / "fewer.parquet", "--cell", "4:9", "--json")
    assert done.stderr == (
        "There are seeds 0, 1, 2, 3, 4 before and seeds 7, 8, 9 after: compared unpaired, all of "
        "one with all of the other.\n"
    )
    found = json.loads(done.stdout)
    assert (found["design"], found["n_seeds_before"], found["n_seeds_after"]) == (
        "unpaired seeds",
        5,
        3,
    )
    asked = verdict(sides / "before.npz", sides / "after.npz", "--cell", "4:9", "--unpaired")
    assert asked["design"] == "unpaired seeds"
    assert asked["seeds"] is None


def test_margins_and_reduction_are_passed_on(sides):
    given = ("--margin", "accuracy=.2", "--margin", "cell=25%", "--reduction", ".5")
    found = verdict(sides / "before.npz", sides / "after.npz", "--cell", "4:9", *given)
    assert found["margins"] == {"accuracy": 0.2, "recall": 0.005, "cell": 0.25, "slice": 0.01}
    assert found["reduction"] == 0.5


def test_the_folders_of_a_study_give_its_verdict_on_confirm(rehearsal):
    """Also what the study knows of slices comes with the folders; disputed flags do not."""
    evidence = load_evidence(rehearsal)
    for arm in ("documented", "both"):
        folders = (rehearsal / "arms" / "baseline", rehearsal / "arms" / arm)
        done = run(*folders, "--cell", "4:9", "--json")
        assert "held-out images too in its verdict" in done.stderr
        found = json.loads(done.stdout)
        sides = (evidence.runs[name].side for name in ("baseline", arm))
        alone = judge_arm(evidence.plan, arm, *sides).model_dump(mode="json")
        assert found["collateral"] == alone["collateral"]
        assert found["cells"][0]["effect"] == alone["cells"][0]["effect"]
        assert found["reason"] == alone["reason"]
        assert found["verdict"] == alone["verdict"]


# --- without a cell, and with several sides -------------------------------------------------------


def test_without_a_cell_it_tells_what_changed(sides):
    done = run(sides / "before.npz", sides / "after.npz")
    first = " ".join(done.stdout.split())
    assert first.startswith(f"{sides / 'after.npz'} against {sides / 'before.npz'}: accuracy rose")
    assert "Exploratory: no cell was named" in first
    assert "--cell 4:9" in done.stdout
    (found,) = json.loads(run(sides / "before.npz", sides / "after.npz", "--json").stdout)
    assert [item["name"] for item in found["improved"]] == ["recall of 4", "4→9"]
    assert found["broke"] == []
    (back,) = json.loads(run(sides / "after.npz", sides / "before.npz", "--json").stdout)
    assert [item["name"] for item in back["broke"]] == ["recall of 4", "4→9"]
    assert back["n_otherwise"] == found["n_otherwise"]


def test_without_a_cell_chance_finds_as_much_as_the_level_says():
    rng, found = np.random.default_rng(5), 0
    labels = np.arange(600) % 6
    for _ in range(200):
        before, after = (
            Predictions.from_arrays(labels, np.where(wrong, (labels + 1) % 6, labels))
            for wrong in rng.random((2, 5, 600)) < 0.1
        )
        (one,) = survey(before, [after])
        found += bool([item for item in (*one.improved, *one.broke) if item.kind == "cell"])
    assert found <= 0.065 * 200 + 5


def test_several_sides_are_corrected_for_their_number(sides):
    after = sides / "after.npz"
    several = json.loads(run(sides / "before.npz", after, after, "--json").stdout)
    (one,) = json.loads(run(sides / "before.npz", after, "--json").stdout)
    assert [side["n_sides"] for side in several] == [2, 2]
    assert several[0]["after"] == str(after)
    assert several[1]["after"] == f"{after} (3)"
    assert several[0]["improved"][0]["effect"] == one["improved"][0]["effect"]
    verdicts = json.loads(run(sides / "before.npz", after, after, "--cell", "4:9", "--json").stdout)
    assert [v["alpha"] for v in verdicts] == [0.025, 0.025]
    words = run(sides / "before.npz", after, after, "--cell", "4:9").stdout
    assert words.count("REDUCED") == 2
    assert "at the level 0.05 / 2" in words


def test_a_file_against_itself_says_so_first(sides):
    before = sides / "before.npz"
    for cell in ([], ["--cell", "4:9"]):
        first = " ".join(run(before, before, *cell).stdout.split())
        assert first.startswith("WARNING: before and after read every image alike")
        assert cell or ": both read every image alike." in first


@pytest.mark.parametrize(
    ("heads", "options"),
    [
        ("image_id,y_true,y_pred", []),
        ("id,target,pred", []),
        ("id,Truth,Predicted", []),
        ("id,a,b", ["--label-column", "a", "--prediction-column", "b"]),
        ("id,label,b", ["--prediction-column", "b"]),
    ],
)
def test_columns_by_other_names(sides, heads, options, tmp_path):
    paths = []
    for name in ("before", "after"):
        side = read_predictions(sides / f"{name}.npz").of_seeds([0])
        rows = zip(side.ids, side.labels_N, side.preds_SN[0], strict=True)
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_text("\n".join([heads, *(f"{i},{a},{b}" for i, a, b in rows)]))
    done = run(*paths, *options, "--cell", "4:9", "--json")
    assert json.loads(done.stdout)["cells"][0]["name"] == "4→9"
    assert ("Columns taken" in done.stderr) == (not options)


def test_a_column_that_is_not_there(sides):
    before, after = sides / "before_all.csv", sides / "after_all.csv"
    done = CliRunner().invoke(main, ["judge", str(before), str(after), "--label-column", "y"])
    assert done.exit_code == 2
    assert "there is no column 'y'; there are seed, id, label" in done.stderr
    archives = [str(sides / f"{name}.npz") for name in ("before", "after")]
    done = CliRunner().invoke(main, ["judge", *archives, "--label-column", "y"])
    assert done.exit_code == 2
    assert "before.npz is not a table and has no column 'y'; leave out" in done.stderr


def test_a_reduction_is_of_a_cell(sides):
    archives = [str(sides / f"{name}.npz") for name in ("before", "after")]
    done = CliRunner().invoke(main, ["judge", *archives, "--reduction", ".5"])
    assert done.exit_code == 2
    assert "--reduction is of a cell; name it with --cell" in done.stderr


def test_disputed_labels_count_the_same_through_every_door(sides, tmp_path):
    answers = []
    for suffix in (".npz", ".csv", ".parquet"):
        paths = []
        for name in ("before", "after"):
            side = read_predictions(sides / f"{name}.npz")
            fours = np.asarray(side.labels_N == 4) & (np.arange(side.n_images) % 3 == 0)
            side = dataclasses.replace(side, disputed_N=fours)
            paths.append(tmp_path / f"{name}{suffix}")
            write_predictions(side, paths[-1])
        answers.append(verdict(*paths, "--cell", "4:9"))
    read = [read_predictions(tmp_path / f"{name}.npz") for name in ("before", "after")]
    answers.append(json.loads(judge(*read, cells=["4:9"]).model_dump_json()))
    cells = [answer["cells"] for answer in answers]
    assert cells[0][0]["n_images"] == 300
    assert all(cell == cells[0] for cell in cells)


def test_a_page_holds_what_is_misread_and_names_are_only_text(tmp_path):
    names = np.array(["</script><img src=x onerror=alert(1)>", "cat\u202e", "dog"])
    labels_N = np.arange(90) % 3
    right_SN = np.tile(labels_N, (5, 1))
    wrong_SN = np.where((np.arange(90) == 1) | (np.arange(90) == 4), 2, right_SN)
    stored = {"labels": labels_N, "class_names": names}
    np.savez(tmp_path / "before.npz", predictions=wrong_SN, **stored)
    np.savez(tmp_path / "after.npz", predictions=right_SN, **stored)
    np.savez(tmp_path / "images.npz", images=np.full((90, 8, 8, 3), 200, np.uint8))
    sides = [str(tmp_path / "before.npz"), str(tmp_path / "after.npz")]
    pictures = ["--images", str(tmp_path / "images.npz")]
    done = CliRunner().invoke(
        main, ["judge", *sides, "--html", str(tmp_path / "p.html"), *pictures]
    )
    assert done.exit_code == 0, done.stderr
    page = (tmp_path / "p.html").read_text("utf-8")
    assert "Inside are 2 of 90 images" in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    refused = CliRunner().invoke(main, ["judge", *sides, *pictures])
    assert refused.exit_code == 2
    assert "--html" in refused.stderr
