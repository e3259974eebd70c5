"""The figures of a comparison's images: samples of each class, and what the best arm reads."""

import numpy as np
from matplotlib.figure import Figure

from misread.data.dataset import Dataset
from misread.judge.checks import FloatArray
from misread.show import draw, style
from misread.study.evidence import Evidence
from misread.wording import count

N_ROWS = 5
_COLUMNS = 10


@style.styled
def sample_digits(evidence: Evidence) -> Figure:
    """Draw the first training images of the first ten classes, and how many of each there are."""
    train = evidence.train
    names = train.class_names[:_COLUMNS]
    counts_K = np.bincount(train.labels_N, minlength=train.n_classes)[: len(names)]
    few, many = int(counts_K.argmin()), int(counts_K.argmax())
    size, gap, left = 1.05, 0.1, 0.95
    step = size + gap
    sheet = style.Sheet(
        left + len(names) * step + 0.25,
        N_ROWS * step + 2.35,
        f"{len(train):,} training images, {counts_K[few]:,} ({names[few]}) to "
        f"{counts_K[many]:,} ({names[many]}) of a class",
        f"The first training images of each class of {evidence.plan.study.dataset}, and how many "
        "there are.",
        evidence.plan.exploratory,
    )
    for k, name in enumerate(names):
        sheet.text(left + k * step + size / 2, 0, name, size=15, bold=True, ha="center")
        first = train.images[np.flatnonzero(train.labels_N == k)[:N_ROWS]]
        draw.tiles(sheet, first, 1, (left + k * step, 0.42), size, step)
    down = 0.42 + N_ROWS * step + 0.2
    bars = sheet.axes(left, down, len(names) * step - gap, 1.45)
    style.bare(bars, keep="bottom")
    centres_K = np.arange(len(names)) * step + size / 2
    bars.bar(centres_K, counts_K, width=0.72, color=style.BLUE)
    for centre, amount in zip(centres_K, counts_K, strict=True):
        bars.text(centre, amount, f"{amount:,}", ha="center", va="bottom", fontsize=11.5)
    bars.set_xlim(0, centres_K[-1] + size / 2)
    bars.set_ylim(0, counts_K.max() * 1.18)
    bars.set_xticks([])
    bars.set_yticks([])
    sheet.text(0.35, down + 1.3, "images", colour=style.MUTED)
    return sheet.figure


@style.styled
def sample_predictions(evidence: Evidence) -> Figure:
    """Draw what one network of the best arm reads, rightly and wrongly, and how sure it is.

    Of each class the first image that is read rightly; then the surest of the wrong readings.
    """
    arm, seed = evidence.best, evidence.seeds[0]
    probs_NK = evidence.runs[arm].probs_SNK[0]
    read_N, sure_N = probs_NK.argmax(axis=1), probs_NK.max(axis=1)
    labels_N = evidence.confirm.labels_N
    right_N = read_N == labels_N
    firsts = [np.flatnonzero(right_N & (labels_N == k))[:1] for k in range(probs_NK.shape[1])]
    right = np.concatenate(firsts)[:_COLUMNS]
    wrong = np.flatnonzero(~right_N)
    surest = wrong[np.argsort(-sure_N[wrong], kind="stable")][: 2 * _COLUMNS]
    n_sure = int((sure_N[wrong] >= 0.9).sum())
    block = 1.72
    sheet = style.Sheet(
        0.35 + _COLUMNS * 1.26 + 0.25,
        (1 + -(-max(1, len(surest)) // _COLUMNS)) * block + 0.75,
        f"{arm} misreads {len(wrong):,} of {len(labels_N):,} images and is at least 90% sure of "
        f"{n_sure:,} of them",
        f"One network ({evidence.plan.study.label(arm)}, seed {seed}) on the confirm images. Below "
        "each: what it reads, and the probability it gives to that.",
        evidence.plan.exploratory,
    )
    misread = f"Misread, the {count(len(surest), 'image')} it is surest of"
    for down, ids, colour, head in (
        (0.0, right, style.BLUE, "Read rightly"),
        (0.5 + block, surest, style.VERMILLION, misread),
    ):
        sheet.text(0.35, down, head, size=14, bold=True, colour=colour)
        corners = draw.places(len(ids), _COLUMNS, 0.35, down + 0.4, (1.26, block))
        for n, corner in zip(ids.tolist(), corners, strict=True):
            _reading(sheet, evidence.confirm, n, probs_NK[n], corner)
    return sheet.figure


def _reading(
    sheet: style.Sheet, confirm: Dataset, n: int, probs_K: FloatArray, corner: tuple[float, float]
) -> None:
    (at, down), size = corner, 1.12
    read, sure, label = int(probs_K.argmax()), float(probs_K.max()), int(confirm.labels_N[n])
    outline = sheet.image(at, down, size, confirm.images[n])
    text, colour = confirm.class_names[read], style.BLUE
    if read != label:
        text, colour = f"{text}, is {confirm.class_names[label]}", style.VERMILLION
        style.frame(outline, colour, width=2.2)
    sheet.text(at, down + size + 0.06, text, size=12.5, bold=True, colour=colour)
    share, below = ">99%" if sure > 0.99 else f"{sure:.0%}", down + size + 0.075
    sheet.text(at + size, below, share, size=10, colour=style.MUTED, ha="right")
