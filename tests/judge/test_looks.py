"""Levels of looks against published bounds, and what a plan of looks keeps in simulated studies."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import special

from arrays import verdict_at_look, verdict_of
from misread.cli import main
from misread.errors import JudgeError
from misread.judge import Adaptive, boundaries
from misread.judge.items import Gate
from misread.judge.looks import SPENDING, chance_left
from misread.judge.variance import Components
from misread.seeds import derive
from misread.simulate.calibrate import Setting
from misread.simulate.limits import LIMITS
from misread.simulate.stopping import REDUCTIONS, of_first_seeds, rules, simulate_rules
from misread.simulate.worlds import WORLDS, Design, draw
from misread.study.questions import with_looks

QUARTERS = (0.25, 0.5, 0.75, 1.0)

# Two-sided .05, equally spaced looks, as the program of Reboussin, DeMets, Kim & Lan (2000,
# *Controlled Clinical Trials* 21) gives them; the last is the normal quantile.
PUBLISHED = [
    (QUARTERS, "obrien-fleming", (4.333, 2.963, 2.359, 2.014)),
    ((0.2, 0.4, 0.6, 0.8, 1.0), "obrien-fleming", (4.877, 3.357, 2.680, 2.290, 2.031)),
    (QUARTERS, "pocock", (2.368, 2.368, 2.358, 2.350)),
    ((0.2, 0.4, 0.6, 0.8, 1.0), "pocock", (2.438, 2.427, 2.410, 2.397, 2.386)),
    ((1.0,), "cubic", (1.960,)),
]


@pytest.mark.parametrize(("shares", "spending", "bounds"), PUBLISHED)
def test_bounds_are_the_published_ones(shares, spending, bounds):
    assert boundaries(shares, spending) == pytest.approx(bounds, abs=0.0006)


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=5, unique=True),
    st.sampled_from(list(SPENDING)),
)
def test_brownian_motion_crosses_the_bounds_as_often_as_was_planned(looks, spending):
    looks = sorted(looks)
    bounds = boundaries([n / looks[-1] for n in looks], spending)
    spent = [SPENDING[spending](n / looks[-1], 0.05) for n in looks]
    rng = np.random.default_rng(1)
    steps = np.sqrt(np.diff([0, *looks]))
    paths = (rng.standard_normal((200_000, len(looks))) * steps).cumsum(axis=1) / np.sqrt(looks)
    crossed = np.maximum.accumulate(np.abs(paths) >= bounds, axis=1).mean(axis=0)
    assert crossed == pytest.approx(spent, abs=0.0025)


def test_levels_rise_and_spend_all_in_the_end():
    plan = Adaptive()
    levels = plan.levels(0.05)
    assert list(levels) == sorted(levels)
    assert levels[-1] < 0.05
    assert plan.spent(0.05)[-1] == pytest.approx(0.05)
    assert Adaptive(looks=(12,)).levels(0.05) == (0.05,)


@pytest.mark.parametrize("shares", [[], [0.5], [0.5, 0.5, 1], [0, 1], [1, 0.5]])
def test_shares_must_ascend_to_all(shares):
    with pytest.raises(JudgeError, match="must ascend from above 0 to 1"):
        boundaries(shares)


@pytest.mark.parametrize("looks", [(), (1, 5), (5, 5), (10, 5)])
def test_looks_must_ascend(looks):
    with pytest.raises(ValidationError, match="ascending numbers of seeds"):
        Adaptive(looks=looks)


def test_looks_stand_at_quarters_and_seeds_are_filled_up():
    assert with_looks({}, [42, 123, 456])["seeds"][:5] == (42, 123, 456, 1, 2)
    assert len(with_looks({}, [42, 123, 456])["seeds"]) == 20
    assert with_looks({}, range(12))["adaptive"]["looks"] == (5, 6, 9, 12)
    assert with_looks({"looks": [5, 8]}, [3, 1]) == {
        "adaptive": {"looks": [5, 8]},
        "seeds": (3, 1, 2, 4, 5, 6, 7, 8),
    }
    assert with_looks({}, [1, 2], smoke=True) == {"adaptive": {"looks": (2, 3)}, "seeds": (1, 2, 3)}
    assert with_looks({}, range(4), smoke=True)["adaptive"]["looks"] == (2, 4)


# --- giving up ------------------------------------------------------------------------------------


def test_the_chance_left_is_that_of_simulated_studies():
    """Whole studies are drawn, and those counted that come near what was seen after 10 seeds."""
    parts, n_images, level = Components(2e-5, 0.0004, 0.006), 1000, 0.0424
    asked, seen, now, last = 0.006, -0.0018, 10, 20
    to_come = -(asked - seen) / 2
    rng = np.random.default_rng(3)
    size = 2_000_000
    image = rng.normal(to_come, math.sqrt(parts.image / n_images), size)
    noise = math.sqrt((parts.seed + parts.residual / n_images) / 10)
    first, second = (rng.normal(0, noise, size) for _ in range(2))
    near = np.abs(image + first - seen) < 0.0002
    final = (image + (first + second) / 2)[near]
    bound = -special.ndtri(level / 2) * math.sqrt(parts.image / n_images + noise**2 / 2)
    chance = chance_left(parts, n_images, seen, asked, (now, last), level)
    assert chance == pytest.approx((final < -bound).mean(), abs=0.01)
    assert 0.2 < chance < 0.8


def test_seeds_that_add_nothing_leave_no_chance():
    only_images = Components(0.0, 0.004, 0.0)
    assert chance_left(only_images, 1000, -0.001, 0.004, (10, 20), 0.04) == 0
    assert chance_left(only_images, 1000, -0.01, 0.004, (10, 20), 0.04) == 1


def readings(before, after, n_images=4000):
    """Two classes; `before` and `after` are matrices of errors on the first one."""
    labels = np.repeat([0, 1], n_images)
    sides = [np.tile(labels, (len(errors), 1)) for errors in (before, after)]
    for side, errors in zip(sides, (before, after), strict=True):
        side[:, :n_images][errors] = 1
    return labels, *sides


def study(rate_before, rate_after, n_seeds, name="study", n_images=4000):
    rng = derive(5, name)
    chance = rng.random(n_images) ** 3 * 4
    return readings(
        rng.random((n_seeds, n_images)) < rate_before * chance,
        rng.random((n_seeds, n_images)) < rate_after * chance,
        n_images,
    )


PLAN = Adaptive(looks=(5, 10, 20))
CELLS = [(0, 1)]


def test_a_clear_reduction_is_settled_at_the_first_look():
    verdict = verdict_at_look(PLAN, *study(0.04, 0.01, 5), cells=CELLS)
    assert (verdict.verdict, verdict.qualifier, verdict.settled.why) == ("REDUCED", "", "reduced")
    assert verdict.alpha == PLAN.levels(0.05)[0] == verdict.cells[0].effect.alpha
    assert {item.effect.alpha for item in verdict.collateral} == {PLAN.items_levels(0.05)[0]}
    assert (verdict.settled.saved, verdict.settled.spent) == (15, 0.05 / 64)


def test_a_clear_harm_is_settled_at_the_first_look():
    verdict = verdict_at_look(PLAN, *study(0.01, 0.04, 5), cells=CELLS)
    assert (verdict.verdict, verdict.settled.why) == ("HARM", "harm")


def test_where_the_interval_excludes_what_was_asked_it_is_given_up():
    verdict = verdict_at_look(PLAN, *study(0.03, 0.03, 10), cells=CELLS)
    assert (verdict.verdict, verdict.settled.why) == ("NOT SHOWN", "futile")
    assert "given up, for the −30% asked about is excluded." in verdict.reason
    never = PLAN.model_copy(update={"futility": 0.0})
    assert verdict_at_look(never, *study(0.03, 0.03, 10), cells=CELLS).settled.why == ""


def test_where_the_seeds_to_come_would_hardly_show_it_it_is_given_up():
    verdict = verdict_at_look(PLAN, *study(0.004, 0.0045, 5, "b", n_images=600), cells=CELLS)
    assert (verdict.verdict, verdict.settled.why) == ("UNDERPOWERED", "futile")
    assert verdict.settled.chance < PLAN.futility
    assert "given up, for the chance that 15 more seeds would still show" in verdict.reason
    assert "20 seeds would be too few to rely on for the −30% asked about" in verdict.reason


def with_growth(share, n_seeds):
    """A clear reduction of 0→1, and a growth of 1→0 in every seed on other images."""
    labels, before, after = study(0.04, 0.01, n_seeds)
    rng = derive(6, "other class")
    after[:, 4000:][rng.random((n_seeds, 4000)) < share] = 0
    return labels, before, after


@pytest.mark.parametrize(("share", "why"), [(0.0, "reduced"), (0.004, ""), (0.02, "harm")])
def test_an_item_that_more_seeds_would_settle_is_waited_for(share, why):
    verdict = verdict_at_look(PLAN, *with_growth(share, 5), cells=CELLS)
    assert verdict.cells[0].shrank(verdict.alpha)
    assert verdict.settled.why == why


def test_the_last_look_is_the_ordinary_judge_at_its_level():
    labels, before, after = study(0.03, 0.028, 20)
    looked = verdict_at_look(PLAN, labels, before, after, cells=CELLS, gate=Gate.MEANT)
    plain = verdict_of(
        labels, before, after, cells=CELLS, alpha=PLAN.levels(0.05)[-1],
        items_alpha=PLAN.items_levels(0.05)[-1],
    )  # fmt: skip
    assert looked.settled.why == "last look"
    assert looked.model_copy(update={"settled": None}) == plain


def test_only_planned_looks_are_judged():
    with pytest.raises(JudgeError, match="7 seeds, and the plan looks at 5, 10, 20"):
        verdict_at_look(PLAN, *study(0.03, 0.03, 7), cells=CELLS)


# --- simulated studies ----------------------------------------------------------------------------


def test_moments_of_the_first_seeds_are_those_of_these_seeds_alone():
    rng = derive(1, "first seeds")
    before, after = draw(WORLDS[3], Design(8, 20.0, 0.3, n_images=200), rng)
    for n, moments in zip((3, 8), of_first_seeds(before[None], after[None], (3, 8)), strict=True):
        labels, *sides = readings(before[:n], after[:n], 200)
        effect = verdict_of(labels, *sides, cells=CELLS).cells[0].effect
        from misread.judge.effects import effects

        assert effects(moments)[0] == effect


def test_a_plan_keeps_the_error_that_peeking_does_not():
    """A small version of docs/adaptive.md: 400 studies of four kinds."""
    tried = [rule for rule in rules() if rule.name in {"every seed at .05", "cubic, give up"}]
    found = {rule.name: [] for rule in tried}
    for world in WORLDS:
        for outcome in simulate_rules(Setting(world, Design(20, 8.0)), tried, 400):
            found[outcome.rule].append(outcome)
    rate = {name: np.mean([o.rate for o in own]) for name, own in found.items()}
    assert rate["every seed at .05"] > 0.1
    assert rate["cubic, give up"] <= LIMITS.mean
    assert np.mean([o.mean_seeds for o in found["cubic, give up"]]) < 13
    assert min(o.coverage for o in found["cubic, give up"]) > LIMITS.coverage


def test_looks_lose_little_power_and_many_seeds():
    tried = [rule for rule in rules() if rule.name in {"one look at 20", "cubic, give up"}]
    fixed, own = simulate_rules(Setting(WORLDS[1], Design(20, 8.0, 0.6)), tried, 300)
    assert own.rate > fixed.rate - 0.04
    assert own.mean_seeds < 14 < fixed.mean_seeds


def test_the_rules_can_be_tried_from_the_command_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Mine.\n\n<!-- misread calibrate adaptive: levels, rules -->\n"
        "<!-- end of misread calibrate -->\n\n<!-- misread calibrate adaptive: summary -->\n"
        "<!-- end of misread calibrate -->\n"
    )
    command = ["calibrate", "--adaptive", "--replicates", "10", "--jobs", "1"]
    done = CliRunner().invoke(main, [*command, "--markdown", str(page)])
    text = page.read_text("utf-8")
    assert text.startswith(
        "Mine.\n\n<!-- misread calibrate adaptive: levels, rules -->\n\n| Seeds "
    )
    assert text.count("| cubic, give up |") == 1
    assert f"misread {' '.join(command[:4])} --markdown {page}\n" in text
    assert (tmp_path / "figures/adaptive.png").read_bytes().startswith(b"\x89PNG")
    assert "one look at 20" in done.output
    assert "Judged after every seed at .05, false positives reach" in done.output
    refused = CliRunner().invoke(main, ["calibrate", "--adaptive", "--seeds", "5"])
    assert refused.exit_code == 2
    assert "leave out --seeds" in refused.output
    told = CliRunner().invoke(
        main, ["calibrate", "--adaptive", "--replicates", "10", "--jobs", "1", "--json"]
    )
    assert len(json.loads(told.stdout)) == len(rules()) * len(WORLDS) * 3 * len(REDUCTIONS)
