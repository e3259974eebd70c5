"""Simulated studies are what they say, and the judge keeps its word on them."""

import importlib
import json
import math
import re
from dataclasses import asdict
from math import sqrt

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import integrate, special, stats

from misread.cli import main
from misread.errors import JudgeError
from misread.judge.variance import mean_squares
from misread.seeds import derive
from misread.show.calibration import miss_sentences, outcome_cell, share
from misread.simulate import calibrate as calibration
from misread.simulate import worlds
from misread.simulate.calibrate import Calibration, Outcome, Setting, method_id, settings, simulate
from misread.simulate.clustering import clustering, clusterings_of, clusterings_simulated
from misread.simulate.limits import LIMITS, beyond_chance, summarise
from misread.simulate.worlds import OTHER_WORLDS, WORLDS, Design, World, draw

NONE, SEEDS, IMAGES, BOTH = WORLDS


def run(*args):
    return CliRunner().invoke(main, ["calibrate", *(str(arg) for arg in args)])


# --- worlds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", [*WORLDS, *OTHER_WORLDS], ids=lambda world: world.name)
@pytest.mark.parametrize(("errors", "reduction"), [(3, 0.0), (80, 0.0), (30, 0.5)])
def test_errors_are_as_many_as_asked_for(world, errors, reduction):
    rng = derive(1, "rates")
    design = Design(1, errors, reduction)
    counts = np.array([[arm.sum() for arm in draw(world, design, rng)] for _ in range(600)])
    error = counts.std(axis=0) / sqrt(len(counts))
    assert np.abs(counts.mean(axis=0) - [errors, errors * (1 - reduction)]) == pytest.approx(
        0, abs=4.5 * error.max()
    )
    assert design.effect == pytest.approx(-errors * reduction / 982)


@pytest.mark.parametrize(("rate", "spread"), [(0.003, 8.0), (0.08, 1.5), (0.5, 8.2), (1e-4, 0.0)])
def test_intercepts_agree_with_an_adaptive_quadrature(rate, spread):
    middle = worlds._intercept(rate, World("one", difficulty=spread), 0)
    mean, _ = integrate.quad(
        lambda z: special.expit(middle + spread * z) * stats.norm.pdf(z), -9, 9, limit=400
    )
    assert mean == pytest.approx(rate, rel=1e-5)


def test_no_world_changes_unnoticed(snapshot):
    # docs/method.md and docs/calibration.md tell what came out of these: calibrate anew
    assert [asdict(world) for world in (*WORLDS, *OTHER_WORLDS)] == snapshot


def changes(world, *, paired=True):
    """Mean squares over the residual's, and seed correlation, averaged over studies."""
    rng = derive(2, "changes")
    design = Design(8, 20.0, paired=paired)
    studies = [clustering(*draw(world, design, rng)) for _ in range(150)]
    return np.nanmean(studies, axis=0)


def test_each_world_clusters_as_its_name_says():
    none, seeds, images, both = (changes(world) for world in WORLDS)
    assert none[:2] == pytest.approx([1, 1], abs=0.12)
    assert seeds[0] > 1.5 > none[0]
    assert seeds[1] == pytest.approx(1, abs=0.15)
    assert images[1] > 2 > none[1]
    assert images[0] == pytest.approx(1, abs=0.15)
    assert min(both[:2]) > 1.4


def test_only_paired_seeds_share():
    paired, unpaired = changes(SEEDS), changes(SEEDS, paired=False)
    assert paired[4] > 0.4
    assert abs(unpaired[4]) < 0.1
    assert unpaired[0] > 1.5 * paired[0]


def test_a_few_images_make_most_of_the_errors():
    before, _ = draw(NONE, Design(10, 4.0), derive(3, "hard"))
    per_image = np.sort(before.sum(axis=0))[::-1]
    assert per_image[:8].sum() > per_image.sum() / 2


@pytest.mark.parametrize(
    "design", [Design(0, 3), Design(5, 0), Design(5, 982), Design(5, 3, 1.0), Design(5, 3, -0.1)]
)
def test_designs_that_make_no_sense_are_refused(design):
    with pytest.raises(JudgeError, match="change it"):
        draw(NONE, design, derive(1, "x"))


def test_the_worlds_are_like_the_readings_of_ten_seeds(project):
    """Real values lie where the world with both effects puts them; no world is milder than real."""
    with np.load(project / "docs/results/four-nine-readings.npz") as file:
        arms = [file[name] for name in ("documented", "one-sided", "swapped", "both")]
        real = clusterings_of(file["labels"], file["baseline"], arms)
    simulated = clusterings_simulated(real, 200)[f"world “{BOTH.name}”"]
    low, high = np.nanquantile(simulated, (0.05, 0.95), axis=0)
    middle = np.nanmedian(real.rows, axis=0)
    assert (low < middle).all()
    assert (middle < high).all()
    assert np.median(simulated, axis=0)[1] > middle[1]
    with pytest.raises(JudgeError, match="two errors"):
        clusterings_of(np.arange(9) % 3, np.tile(np.arange(9) % 3, (4, 1)), [])


def test_clustering_is_made_of_mean_squares():
    before, after = draw(BOTH, Design(6, 30.0), derive(4, "squares"))
    ms = mean_squares(after.astype(int) - before.astype(int))
    found = clustering(before, after)
    assert found.seed == ms.seed / ms.residual
    assert found.image == ms.image / ms.residual


def test_errors_that_every_seed_repeats_cluster_without_end():
    before = np.tile([True, False, False, True], (4, 1))
    after = before & (np.arange(4) < 2)
    assert clustering(before, after).image_before == math.inf


# --- the judge on them ----------------------------------------------------------------------------


def test_a_small_calibration_is_kept():
    """The limits, as far as 200 studies of each kind can tell."""
    for paired in (True, False):
        kinds = settings((5,), errors=(8, 30), paired=(paired,))
        summary = summarise([simulate(kind, 200) for kind in kinds])
        above = stats.binom.isf(0.001, 200, LIMITS.single) / 200
        assert summary.worst.rate <= above
        assert summary.mean <= LIMITS.mean + 4 * summary.mean_error
        assert summary.least.coverage >= 0.87


def test_effects_are_found_where_they_are():
    easy = simulate(Setting(NONE, Design(10, 80, 0.5)), 40)
    assert easy.rate == 1
    assert easy.fewer == easy.significant == 40
    hopeless = simulate(Setting(BOTH, Design(2, 3, 0.3)), 40)
    assert hopeless.rate < 0.3


def test_the_same_kind_gives_the_same_numbers():
    kind = settings((3,), errors=(8,))[5]
    assert simulate(kind, 70) == simulate(kind, 70)
    assert simulate(kind, 70) != simulate(kind, 70, root=2)


def outcome(found, covered=1900, reduction=0.0, n_seeds=5, replicates=2000):
    return Outcome(
        world="seeds",
        paired=True,
        n_seeds=n_seeds,
        errors=8,
        reduction=reduction,
        n_images=982,
        replicates=replicates,
        significant=found,
        fewer=found,
        covered=covered,
    )


def test_a_limit_is_missed_when_chance_cannot_explain_it():
    fine = [outcome(100)] * 20
    assert summarise(fine).misses == ()
    assert summarise([*fine, outcome(1400, reduction=0.3)]).misses == ()
    near = summarise([*fine, outcome(135)])
    assert [miss.sure for miss in near.misses] == [False]
    assert not near.failed
    far = summarise([*fine, outcome(200)])
    assert far.failed
    assert far.worst.rate == 0.1
    assert "Missed: false positives, seeds, 5 paired seeds" in miss_sentences(far)[0]
    low = summarise([*fine, outcome(1400, covered=1780, reduction=0.5)])
    assert low.failed
    assert low.least.coverage == 0.89
    average = summarise([outcome(122)] * 50)
    assert [miss.what for miss in average.misses] == ["false positives, average"]
    assert average.failed
    assert summarise([outcome(500, n_seeds=3)]) is None


def test_the_threshold_is_that_of_an_exact_test():
    above, below = beyond_chance(2000, 48)
    level = 0.05 / 48
    assert stats.binom.sf(above * 2000 - 1, 2000, LIMITS.single) <= level
    assert stats.binom.sf(above * 2000 - 2, 2000, LIMITS.single) > level
    assert stats.binom.cdf(below * 2000, 2000, LIMITS.coverage) <= level
    assert stats.binom.cdf(below * 2000 + 1, 2000, LIMITS.coverage) > level


# --- the command ----------------------------------------------------------------------------------

SMALL = ("--replicates", 10, "--seeds", 2)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small calibration in one process, kept in a file."""
    path = tmp_path_factory.mktemp("calibration") / "kept.json"
    done = run(*SMALL, "--jobs", 1, "--out", path, "--json")
    assert done.exit_code == 0, done.output
    return path, json.loads(done.stdout)


def test_the_numbers_do_not_depend_on_jobs(finished):
    done = run(*SMALL, "--jobs", 2, "--json")
    assert json.loads(done.stdout)["outcomes"] == finished[1]["outcomes"]
    assert len(finished[1]["outcomes"]) == 2 * 3 * 4 * 4


def test_it_goes_on_where_it_stopped(finished, tmp_path, monkeypatch):
    path = tmp_path / "part.json"
    module = importlib.import_module("misread.cli.calibrate")
    whole = module.side_by_side

    def stopped(work, todo, jobs):
        yield from whole(work, todo[:5], jobs)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "side_by_side", stopped)
    done = run(*SMALL, "--jobs", 1, "--out", path)
    assert done.exit_code == 130
    assert "run the same command again" in done.stderr
    assert len(Calibration.model_validate_json(path.read_bytes()).outcomes) == 5
    unkept = run(*SMALL, "--jobs", 1)
    assert unkept.exit_code == 130
    assert "Nothing is kept without --out" in unkept.stderr

    todo = []
    monkeypatch.setattr(
        module, "side_by_side", lambda work, t, jobs: todo.extend(t) or whole(work, t, jobs)
    )
    done = run(*SMALL, "--jobs", 1, "--out", path, "--json")
    assert json.loads(done.stdout)["outcomes"] == finished[1]["outcomes"]
    assert len(todo) == 96 - 5


def test_a_bad_judge_is_told_and_exits_with_one(monkeypatch):
    """A judge that takes readings for independent finds effects that are not there."""
    honest = calibration.effects

    def naive(moments, alpha):
        changed = [np.sqrt(count) for count in moments.discordant_C]
        gone = moments.after_CT.sum(axis=1) - moments.before_CS.sum(axis=1)
        z = np.abs(gone) / np.maximum(changed, 1)
        p_values = 2 * stats.norm.sf(z)
        effects = honest(moments, alpha)
        return [
            e.__class__(**{**{f: getattr(e, f) for f in e.__slots__}, "p_value": float(p)})
            for e, p in zip(effects, p_values, strict=True)
        ]

    monkeypatch.setattr(calibration, "effects", naive)
    done = run("--replicates", 60, "--seeds", 5, "--jobs", 1)
    assert done.exit_code == 1
    assert "Missed: false positives, seeds, 5 paired seeds" in done.output


def test_every_message_is_one_clear_sentence(finished, tmp_path, snapshot):
    other = tmp_path / "other.json"
    other.write_text('{"method": 1}')
    kept, data = tmp_path / "kept.json", json.loads(finished[0].read_text("utf-8"))
    kept.write_text(json.dumps(data | {"method": "0" * 12}))
    np.savez(tmp_path / "few.npz", labels=np.zeros(4, int), baseline=np.zeros((2, 4), int))
    asked = {
        "no seeds": ("--seeds", "0"),
        "a file of something else": (*SMALL, "--out", other),
        "a calibration of another method": (*SMALL, "--out", kept),
        "readings that are missing": (*SMALL, "--readings", tmp_path / "no.npz#baseline"),
        "readings without that arm": (*SMALL, "--readings", f"{tmp_path / 'few.npz'}#other"),
        "readings without errors": (*SMALL, "--readings", f"{tmp_path / 'few.npz'}#baseline"),
    }
    told = {}
    for name, args in asked.items():
        done = run(*args, "--jobs", 1)
        assert done.exit_code == 2, (name, done.output)
        assert done.output.startswith("misread: ")
        told[name] = re.sub(re.escape(str(tmp_path)), "TMP", done.output).strip()
        told[name] = told[name].replace(data["method"], "METHOD")
        assert len(told[name].splitlines()) == 1
    assert told == snapshot
    assert run("--help").output == snapshot(name="help")


# --- the page -------------------------------------------------------------------------------------


@pytest.fixture
def page(project):
    return (project / "docs/calibration.md").read_text("utf-8")


AGAIN = "run the command at the top of docs/calibration.md again"


def test_the_page_belongs_to_this_judge(page):
    assert f"method `{method_id()}`" in page, AGAIN
    for world in WORLDS:
        sds = (world.seed, world.shared, world.image, world.difficulty)
        assert f"| {world.name} | {' | '.join(f'{sd:g}' for sd in sds)} |" in page, AGAIN


@pytest.mark.parametrize(
    ("world", "design", "title"),
    [
        (SEEDS, Design(5, 8), "Paired seeds, no effect"),
        (BOTH, Design(10, 3, 0.5, paired=False), "Unpaired seeds, a true −50%"),
    ],
)
def test_the_page_holds_what_comes_out_today(page, world, design, title):
    table = page.split(f"### {title}")[1].split("###")[0]
    row = re.search(rf"^\| {world.name} \| {design.n_seeds} \|(.*)\|$", table, re.MULTILINE)
    heads = re.search(r"^\| World \| Seeds \|(.*)\|$", table, re.MULTILINE)
    columns = [head.strip() for head in heads[1].split("|")]
    told = dict(zip(columns, (value.strip() for value in row[1].split("|")), strict=True))
    replicates = int(re.search(r"--replicates (\d+)", page)[1])
    assert replicates >= 2_000
    found = simulate(Setting(world, design), replicates)
    assert told[f"{design.errors:g} errors"] == outcome_cell(found), AGAIN


def test_the_page_is_made_by_the_command(finished, tmp_path):
    args = (*SMALL, "--jobs", 1, "--out", finished[0])
    path, texts = tmp_path / "page.md", []
    for _ in range(2):
        assert run(*args, "--markdown", path).exit_code == 0
        texts.append(path.read_text("utf-8"))
    assert texts[0] == texts[1]
    kept = Calibration.model_validate_json(finished[0].read_bytes())
    assert all(outcome_cell(o) in texts[0] for o in kept.outcomes)
    assert "## Are the worlds like real studies?" not in texts[0]


def test_shares_are_written_as_in_journals():
    assert [share(value) for value in (0.0341, 1.0, 0.9996, 0.999, 0.0)] == [
        ".034",
        "1.00",
        "1.00",
        ".999",
        ".000",
    ]


def test_a_world_is_named_in_its_stream():
    one, two = (Setting(World("a", seed=sd), Design(5, 8)) for sd in (0.1, 0.2))
    assert one.name != two.name
    assert one.key == two.key
