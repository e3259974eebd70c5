"""Figures, page and tables: they say what the evidence says, and the same each time."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib import get_backend, rcParams
from syrupy.assertion import SnapshotAssertion

from misread import wording
from misread.data.mnist import load_mnist
from misread.data.parts import stratified_subset
from misread.judge import confusion_counts, rank_cells
from misread.seeds import derive
from misread.show import study_figures as plots
from misread.show import style, words
from misread.show import target as tables
from misread.show.figures.preview import preview_figure
from misread.show.report import command, report_html, write_report
from misread.show.study_figures import FIGURES, Drawn, draw_figures, write_figures
from misread.show.style import png
from misread.show.verdict import verdict_word
from misread.study.evidence import Evidence, SliceEvidence
from misread.study.plan import Plan, counter_slices
from misread.study.run import preview_slices
from misread.study.study import load_study

TARGET = (4, 9)
VOID = {"meta", "img", "link", "br", "hr", "input"}


@lru_cache
def made_up(
    n_seeds: int = 3,
    arms: tuple[str, ...] = ("documented", "both"),
    *,
    error_rate: float = 0.02,
    exploratory: str = "",
) -> Evidence:
    """Return evidence with made-up readings of 600 real images.

    The documented arm reads eroded fours as nines in a third of the cases, the others do not.
    """
    rng = derive(0, "show tests")
    train, test = load_mnist()
    train, confirm = (part.take(stratified_subset(part.labels_N, 600)) for part in (train, test))
    study = load_study("four-nine", seeds=tuple(range(n_seeds)), arms=arms, epochs=2)
    policies = study.policies(TARGET)
    labels_N = confirm.labels_N

    def readings(own_M: npt.NDArray[np.int64], rate: float, wrong: int) -> npt.NDArray[np.uint8]:
        hit_SM = (rng.random((n_seeds, own_M.size)) < rate) & (own_M != wrong)
        return np.where(hit_SM, wrong, own_M).astype(np.uint8)

    slices = counter_slices([policy for policy in policies.values() if policy], TARGET)
    pieces = []
    for piece in slices:
        ids_M = np.flatnonzero(labels_N == piece.label)
        bad = {"documented"} if (piece.operation, piece.label) == ("erode", 4) else set()
        other = TARGET[1 - TARGET.index(piece.label)]
        pieces.append(
            SliceEvidence(
                piece,
                ids_M,
                {
                    arm: readings(
                        labels_N[ids_M], 17 * error_rate if arm in bad else error_rate, other
                    )
                    for arm in policies
                },
            )
        )
    predictions = {arm: readings(labels_N, error_rate, 9) for arm in policies}
    counts_SKK = np.stack([confusion_counts(labels_N, row, 10) for row in predictions["baseline"]])
    cells = [
        cell.model_dump(mode="json")
        | {
            "images": [
                {"id": 0, "seed": seed, "prob_label": 0.2, "prob_reading": 0.7}
                for seed, counts_KK in enumerate(counts_SKK)
                for _ in range(int(counts_KK[cell.true, cell.predicted]))
            ]
        }
        for cell in rank_cells(counts_SKK)
    ]
    target = next(cell for cell in cells if (cell["true"], cell["predicted"]) == TARGET)
    operations = [
        {
            **piece.model_dump(),
            "n_images": 60,
            "changed_share": float(piece.size_px > 1),
            "ink_before": 0.12,
            "ink_after": 0.12 * piece.size_px,
            "thickness_before_px": 2.2,
            "thickness_after_px": 2.2 * piece.size_px,
            "error_before": error_rate,
            "error_after": error_rate * piece.size_px,
            "as_target_before": error_rate / 2,
            "as_target_after": error_rate * piece.size_px / 2,
        }
        for piece in preview_slices(study, TARGET)
    ]
    shares = [
        {
            "arm": arm,
            "size_px": list(policy.size_px),
            "probability": policy.probability,
            "drawn": 140,
            "changed_share": {"all": 0.51},
        }
        for arm, policy in study.policy.resolve(TARGET).items()
    ]
    epochs = [
        {
            "epoch": epoch,
            "loss": 1 / epoch,
            "accuracy": 1 - 0.1 / epoch,
            "select_loss": 0.5 / epoch,
            "select_accuracy": 1 - 0.05 / epoch,
            "treated": 0,
            "changed": 0,
        }
        for epoch in (1.0, 2.0)
    ]
    return Evidence(
        folder=Path("nowhere"),
        plan=Plan(
            study=study,
            target=TARGET,
            target_from="study file",
            target_on_select=target,
            policies=policies,
            slices=tuple(slices),
            dataset_sha256=("0" * 64, "1" * 64),
            select_folds={seed: seed % 10 for seed in study.seeds},
            exploratory=exploratory,
        ),
        train=train,
        confirm=confirm,
        confirm_ids_N=np.arange(len(confirm)),
        predictions=predictions,
        probs={},
        slices=tuple(pieces),
        histories=dict.fromkeys(policies, (epochs,) * n_seeds),
        environment={
            "python": "3.11.7",
            "platform": "Linux",
            "machine": "x86_64",
            "backend": "tensorflow",
            "threads": 1,
            "versions": {"misread": "0.1.0", "keras": "3.15.1"},
        },
        train_seconds=dict.fromkeys(policies, (12.5,) * n_seeds),
        select_sizes_SK=counts_SKK.sum(axis=2),
        errors={
            "part": "select",
            "seeds": list(study.seeds),
            "accuracy": [0.98] * n_seeds,
            "cells": cells,
        },
        preview={"study": study.name, "smoke": False, "shares": shares, "operations": operations},
    )


@pytest.fixture(scope="module")
def drawn() -> dict[str, Drawn]:
    return draw_figures(made_up())


class Page(HTMLParser):
    """Reads a page: its tags in order, its text, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.outline: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"{self.open} are not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        names = [f"{key}={value}" for key, value in attrs if key in ("id", "class")]
        if tag in {"section", "h1", "h2", "article", "figure", "details", "table", "caption", "p"}:
            self.outline.append("  " * len(self.open) + " ".join((tag, *names)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "title" not in self.open and data.strip():
            self.text.append(" ".join(data.split()))


def test_every_figure_is_written_and_is_a_picture(tmp_path: Path, drawn: dict[str, Drawn]) -> None:
    paths = write_figures(made_up(), tmp_path / "figures", drawn)
    assert [path.stem for path in paths] == list(FIGURES)
    for path in paths:
        image = cv2.imread(str(path))
        assert image.shape[0] > 200
        assert image.shape[1] > 1000
        assert image.std() > 5, f"{path.name} is blank"


def test_figures_repeat_byte_by_byte_whatever_the_callers_style(
    drawn: dict[str, Drawn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rcParams, "font.size", 30.0)
    monkeypatch.setitem(rcParams, "axes.grid", 1)
    backend = get_backend()
    for name in ("before_after", "misread_images", "ranked_cells"):
        assert png(FIGURES[name](made_up())) == drawn[name].png, name
    assert rcParams["font.size"] == 30.0, "drawing must leave the caller's style alone"
    assert get_backend() == backend


def test_a_figure_carries_no_date_and_no_program(drawn: dict[str, Drawn]) -> None:
    for figure in drawn.values():
        assert b"Software" not in figure.png
        assert b"tEXt" not in figure.png


def test_headlines_state_what_the_numbers_say(drawn: dict[str, Drawn]) -> None:
    title = drawn["before_after"].title
    item = words.slice_items(made_up(), "documented", made_up().slices[2])[words.Misreading.PAIR]
    assert item.status == "harmed"
    assert "4s thinned (erode 2 px) are read as 9" in title
    assert wording.percent(item.after) in title
    assert "documented" in drawn["collateral"].title
    assert f"{made_up().summary['target']['confirm']['mean']:.1f}" in (
        drawn["confusion_matrices"].title
    )


def test_the_page_stands_alone(tmp_path: Path, drawn: dict[str, Drawn]) -> None:
    path = write_report(replace(made_up(), folder=tmp_path), drawn)
    assert path == tmp_path / "report.html"
    html = path.read_text("utf-8")
    page = Page(html)
    bare = re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<script|<link", bare)
    for tag, attributes in page.tags:
        for key in ("src", "href"):
            address = attributes.get(key)
            assert address is None or address.startswith(("data:image/png;base64,", "#")), address
        if tag == "img":
            assert len(attributes["alt"] or "") > 20
    targets = {attributes.get("id") for _, attributes in page.tags}
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert {str(link).removeprefix("#") for link in links} <= targets


def test_the_page_repeats_byte_by_byte(drawn: dict[str, Drawn]) -> None:
    made_up.cache_clear()
    again = made_up()
    assert report_html(again, drawn) == report_html(made_up(), drawn)


def test_the_page_tells_every_verdict_with_its_reason(drawn: dict[str, Drawn]) -> None:
    text = " ".join(Page(report_html(made_up(), drawn)).text)
    for arm, verdict in made_up().verdicts.items():
        assert f"{arm} {verdict.verdict}" in text
        assert verdict.reason in text
        for item in verdict.collateral:
            assert item.name in text, "no item may be dropped"
    assert made_up().plan.sha256 in text
    assert command(made_up()) in text


def test_the_structure_of_the_page(drawn: dict[str, Drawn], snapshot: SnapshotAssertion) -> None:
    assert "\n".join(Page(report_html(made_up(), drawn)).outline) == snapshot


def test_what_proves_nothing_says_so_first(drawn: dict[str, Drawn]) -> None:
    why = "this is a smoke run: few images, one epoch; it proves nothing"
    evidence = made_up(exploratory=why)
    page = Page(report_html(evidence, drawn))
    assert page.text[:2] == ["Exploratory:", f"{why}."]
    assert why in tables.study_markdown(evidence)
    assert "Exploratory" not in " ".join(Page(report_html(made_up(), drawn)).text)
    assert png(FIGURES["ranked_cells"](evidence)) != drawn["ranked_cells"].png


@pytest.mark.parametrize(
    "make",
    [
        lambda: made_up(1, ("documented",), error_rate=0.0),
        lambda: made_up(1, ("both",)),
        lambda: made_up(2, ()),
    ],
    ids=["zero errors", "one seed", "baseline only"],
)
def test_thin_evidence_is_shown_too(
    make: Callable[[], Evidence], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "DPI", 30)
    evidence = make()
    page = Page(report_html(evidence))
    assert {f"figure-{name}" for name in FIGURES} >= {
        str(attributes["id"]) for tag, attributes in page.tags if tag == "figure"
    }
    assert tables.study_markdown(evidence).startswith("## Fours read as nines")


def test_names_of_classes_are_text_and_nothing_else() -> None:
    odd = ("<b>", "$x$", "a&b", "tab|le", *"456789")
    evidence = made_up()
    evidence = replace(
        evidence,
        confirm=replace(evidence.confirm, class_names=odd),
        train=replace(evidence.train, class_names=odd),
    )
    html = report_html(evidence, dict.fromkeys(FIGURES, Drawn(b"", "<i>title")))
    assert "<b>" not in html
    assert "<i>" not in html
    Page(html)
    for name in ("confusion_matrices", "ranked_cells"):
        assert png(FIGURES[name](evidence))


def test_markdown_has_a_row_per_arm_with_the_numbers() -> None:
    evidence = made_up()
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in tables.study_markdown(evidence).splitlines()
        if line.startswith("| ")
    ]
    assert len({len(row) for row in rows}) == 1
    table = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[2:]}
    assert list(table) == list(evidence.arms)
    verdict = evidence.verdicts["documented"]
    row = table["documented"]
    assert row["Verdict"] == f"**{verdict_word(verdict)}**"
    cell = verdict.cells[0]
    assert row["4→9 per seed"].startswith(f"{cell.before_images:.1f} → {cell.after_images:.1f}")
    assert row["4→9, erode 2 px"].startswith("**"), "what is harmed stands out"
    assert wording.p_value(cell.p_holm) in row["Interval, p"]


def test_a_preview_needs_no_plan(tmp_path: Path) -> None:
    evidence = made_up()
    path = plots.write_preview(evidence.plan.study, TARGET, evidence.preview, tmp_path)
    assert path == tmp_path / "figures" / "preview.png"
    assert path.stat().st_size > 10_000
    ids = np.arange(200)
    assert preview_figure(evidence.train, TARGET, evidence.preview, ids=ids).get_axes()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (wording.percent(0.9912), "99.12%"),
        (wording.percent(0.0061), "0.61%"),
        (wording.percent(0.000001), "<0.01%"),
        (wording.percent(None), "–"),
        (wording.points(-0.0042), "−0.42 pp"),
        (wording.relative(3, 6), "−50%"),
        (wording.relative(3, 0), "–"),
        (words.fold(9, 2), "×4.5"),
        (words.fold(1, 0), ""),
        (wording.images(-0.04, sign=True), "0.0"),
        (wording.p_value(0.0005), "p < .001"),
        (wording.count(1, "seed"), "1 seed"),
        (wording.listed(["a"]), "a"),
        (wording.listed(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_numbers_are_written_one_way(told: str, expected: str) -> None:
    assert told == expected
