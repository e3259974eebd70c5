"""Figures of the images of a comparison: samples of each class, and what the best arm reads."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from misread.show import style
from misread.study.differences import Compared
from misread.wording import count

N_ROWS = 5
_COLUMNS = 10


@style.styled
def sample_digits(compared: Compared) -> Figure:
    """Draw the first training images of each class, and how many of each there are.

    Data: `train`; a column per class (of the first ten), a bar of its training images below.
    """
    train = compared.train
    names = train.class_names[:_COLUMNS]
    counts_K = np.bincount(train.labels_N, minlength=train.n_classes)[: len(names)]
    few, many = int(counts_K.argmin()), int(counts_K.argmax())
    size, gap, left = 1.05, 0.1, 0.95
    sheet = style.Sheet(
        left + len(names) * (size + gap) + 0.25,
        N_ROWS * (size + gap) + 2.35,
        f"{len(train):,} training images, {counts_K[few]:,} ({names[few]}) to "
        f"{counts_K[many]:,} ({names[many]}) of a class",
        f"The first training images of each class of {compared.plan.study.dataset}, and how many "
        "there are.",
        compared.plan.exploratory,
    )
    for k, name in enumerate(names):
        at = left + k * (size + gap)
        sheet.text(at + size / 2, 0, name, ha="center", fontsize=15, fontweight="bold")
        for row, n in enumerate(np.flatnonzero(train.labels_N == k)[:N_ROWS].tolist()):
            sheet.image(at, 0.42 + row * (size + gap), size, train.images[n])
    down = 0.42 + N_ROWS * (size + gap) + 0.2
    bars = sheet.axes(left, down, len(names) * (size + gap) - gap, 1.45)
    style.bare(bars, keep="bottom")
    centres_K = np.arange(len(names)) * (size + gap) + size / 2
    bars.bar(centres_K, counts_K, width=0.72, color=style.BLUE)
    for centre, amount in zip(centres_K, counts_K, strict=True):
        bars.text(centre, amount, f"{amount:,}", ha="center", va="bottom", fontsize=11.5)
    bars.set_xlim(0, centres_K[-1] + size / 2)
    bars.set_ylim(0, counts_K.max() * 1.18)
    bars.set_xticks([])
    bars.set_yticks([])
    sheet.text(0.35, down + 1.3, "images", fontsize=11, color=style.MUTED)
    return sheet.figure


@style.styled
def sample_predictions(compared: Compared) -> Figure:
    """Draw what one network of the best arm reads, rightly and wrongly, and how sure it is.

    Data: `probs` of the best arm's first seed on *confirm*: of each class the first image that is
    read rightly; then the wrong readings that it is surest of.
    """
    arm, seed = compared.best, compared.seeds[0]
    probs_NK = compared.probs(arm, 0)
    read_N, sure_N = probs_NK.argmax(axis=1), probs_NK.max(axis=1)
    labels_N = compared.confirm.labels_N
    right_N = read_N == labels_N
    firsts = [np.flatnonzero(right_N & (labels_N == k))[:1] for k in range(probs_NK.shape[1])]
    right = np.concatenate(firsts)[:_COLUMNS]
    wrong = np.flatnonzero(~right_N)
    surest = wrong[np.argsort(-sure_N[wrong], kind="stable")][: 2 * _COLUMNS]
    bold = int((sure_N[wrong] >= 0.9).sum())
    size, gap, left, block = 1.12, 0.14, 0.35, 1.72
    n_rows = 1 + -(-max(1, len(surest)) // _COLUMNS)
    sheet = style.Sheet(
        left + _COLUMNS * (size + gap) + 0.25,
        n_rows * block + 0.75,
        f"{arm} misreads {len(wrong):,} of {len(labels_N):,} images and is at least 90% sure of "
        f"{bold:,} of them",
        f"One network ({compared.plan.study.label(arm)}, seed {seed}) on the confirm images. Below "
        "each: what it reads, and the probability it gives to that.",
        compared.plan.exploratory,
    )
    sheet.text(left, 0, "Read rightly", fontsize=14, fontweight="bold", color=style.BLUE)
    _row(sheet, compared, right, (read_N, sure_N), 0.4)
    down = 0.5 + block
    sheet.text(
        left,
        down,
        f"Misread, the {count(len(surest), 'image')} it is surest of",
        fontsize=14,
        fontweight="bold",
        color=style.VERMILLION,
    )
    for start in range(0, len(surest), _COLUMNS):
        _row(sheet, compared, surest[start : start + _COLUMNS], (read_N, sure_N), down + 0.4)
        down += block
    return sheet.figure


def _row(
    sheet: style.Sheet,
    compared: Compared,
    ids: npt.NDArray[np.int64],
    reading: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]],
    down: float,
) -> None:
    size, gap, left = 1.12, 0.14, 0.35
    names = compared.confirm.class_names
    for along, n in enumerate(ids.tolist()):
        at = left + along * (size + gap)
        read, sure, label = int(reading[0][n]), float(reading[1][n]), compared.confirm.labels_N[n]
        outline = sheet.image(at, down, size, compared.confirm.images[n])
        told = f"{names[read]}"
        if read != label:
            style.frame(outline, style.VERMILLION, width=2.2)
            told = f"{names[read]}, is {names[label]}"
        colour = style.BLUE if read == label else style.VERMILLION
        sheet.text(at, down + size + 0.06, told, fontsize=12.5, fontweight="bold", color=colour)
        shown = ">99%" if sure > 0.99 else f"{sure:.0%}"
        sheet.text(
            at + size, down + size + 0.075, shown, ha="right", fontsize=10, color=style.MUTED
        )
