"""A search for a fix in words: its answer, its table, and its page."""

import shlex
from dataclasses import replace
from pathlib import Path

from misread.show.figures.fix import candidates as candidates_figure
from misread.show.render import environment
from misread.show.report import embedded
from misread.show.study_figures import Drawn
from misread.show.table import Table, Tone, Toned
from misread.study.halving import Score, balance_of
from misread.study.search import Search
from misread.study.study import SMOKE, Study
from misread.study.workload import minutes_of
from misread.wording import count, number, percent


def answer(search: Search) -> str:
    """Return what the search came to, in a sentence or two."""
    candidates = count(len(search.rungs[0].arms), "candidate")
    if not search.best:
        errors = f"errors {search.targets_name}"
        return f"None of {candidates} saves more {errors} than it breaks elsewhere."
    best = search.best[0]
    before = search.errors(search.rungs[-1].baseline)
    n_class = "" if search.both_directions else f" of {search.n_class:,}"
    fall = best.saved / before if before else 0.0
    harm = f", and breaks {number(best.harm, decimals=1)} elsewhere" if best.harm else ""
    return (
        f"The best of {candidates} is {best.arm}: "
        f"{search.targets_name} {number(before, decimals=1)} → "
        f"{number(search.errors(best), decimals=1)} images a seed{n_class} ({fall:.0%} "
        f"fewer){harm}. It was chosen on these images, so this proves nothing yet."
    )


def search_table(search: Search, labels: dict[str, str]) -> Table:
    """Return the table of every candidate at the last rung that it reached, the best first."""
    tried = [
        (score, rung.n_seeds)
        for rung in reversed(search.rungs)
        for score in rung.arms
        if rung is search.rungs[-1] or score.dropped
    ]
    return _table(search, labels, tried)


def last_table(search: Search) -> Table:
    """Return the table of the candidates of the last rung, narrow enough for a terminal."""
    last = search.rungs[-1]
    table = _table(search, {}, [(score, last.n_seeds) for score in last.arms])
    rows = tuple(row[:-1] for row in table.rows)
    return replace(table, heads=table.heads[:-1], rows=rows, align=table.align[:-1])


def last_lines(search: Search, labels: dict[str, str]) -> list[str]:
    """Return a line for each candidate of the last rung: what it is, and what became of it."""
    return [
        f"{score.arm}: {labels.get(score.arm, score.arm)}; {standing_of(search, score)}."
        for score in search.rungs[-1].arms
    ]


def dropped_lines(search: Search) -> list[str]:
    """Return a line for each candidate that did not reach the last rung, the last dropped first."""
    return [
        f"Dropped after {count(rung.n_seeds, 'seed')}: {score.arm}, {score.dropped}."
        for rung in reversed(search.rungs)
        for score in rung.arms
        if score.dropped
    ]


def _table(search: Search, labels: dict[str, str], tried: list[tuple[Score, int]]) -> Table:
    last = search.rungs[-1]
    rows = [_row(last.baseline, last.n_seeds, "", "")] + [
        _row(score, n_seeds, labels.get(score.arm, ""), standing_of(search, score))
        for score, n_seeds in tried
    ]
    cells = search.target_name, search.reverse_name
    return Table(
        f"Errors on explore, images a seed ({search.n_images:,} images)",
        ("arm", "seeds", *cells, "altered", "accuracy", "s", "outcome"),
        tuple(rows),
        "altered: both cells in the worst altered view; s: seconds of a training on one core",
        "lrrrrrrl",
    )


def _row(score: Score, n_seeds: int, label: str, standing: str) -> tuple[str, ...]:
    worst = max(score.slices.values(), default=None)
    return (
        f"{score.arm}\n{label}" if label not in {"", score.arm} else score.arm,
        str(n_seeds),
        number(score.target, decimals=1),
        number(score.reverse, decimals=1),
        "" if worst is None else number(worst, decimals=1),
        percent(score.accuracy),
        number(score.seconds, decimals=1),
        standing,
    )


def standing_of(search: Search, score: Score) -> str:
    """Return what became of a candidate: it goes to the proof, or why it does not."""
    if score in search.best:
        return Toned("goes to the proof", Tone.GOOD)
    return score.dropped or balance_of(score)


def next_command(search: Search, proof: Path) -> str:
    """Return what one would run next, with its minutes."""
    minutes = minutes_of(60 * search.minutes)
    return (
        f"Next: misread run {shlex.quote(str(proof))}   (about {minutes} here; it opens the images "
        "that prove)"
    )


def search_page(
    search: Search, study: Study, labels: dict[str, str], proof: Path, command: str
) -> str:
    """Return the page of a search: one HTML file, the same bytes for the same search."""
    seeds = ", ".join(count(rung.n_seeds, "seed") for rung in search.rungs)
    page = environment().get_template("fix.html.j2")
    return page.render(
        study={"title": f"A fix for {search.targets_name}", "question": study.question},
        exploratory=SMOKE if search.smoke else "",
        mixture="",
        finding=answer(search).removesuffix("."),
        search=search,
        n_images=f"{search.n_images:,}",
        figures=embedded({"fix": Drawn.of(candidates_figure(search))}),
        candidates=search_table(search, labels),
        next=next_command(search, proof),
        run=[
            ("Dataset (SHA-256 of train, test)", ", ".join(search.dataset_sha256)),
            ("Rungs", f"{seeds}; the better third goes on, at least three"),
            ("Recipe", study.recipe_name or "of the study's file"),
        ],
        command=command,
    )
