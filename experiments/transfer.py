"""Write docs/results/transfer.md from a finished transfer: text, figures and readings.

    misread transfer runs/four-nine-documented --data SOURCE --data SOURCE …
    python experiments/transfer.py runs/four-nine-documented [FOLDER_OF_THE_TRANSFER]

takes what the first command left (`transfer/` in the study's folder) and writes the page from
`transfer.md.j2`, its figures, and the readings of every model, so that anyone can judge them again
without the data. Every number comes from that folder.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from misread.data.sources import load, slug
from misread.files import write_atomic
from misread.judge import Verdict
from misread.show import words
from misread.show.figures.transfer import rows
from misread.study.evidence import load_evidence
from misread.study.plan import load_plan
from misread.study.study import BASELINE
from misread.study.transfer import Transfer, load_transfers

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
# What a reader must know of a set, by the first word of its name.
NOTES = {
    "usps": "USPS (Hull 1994): digits scanned from mail; training and test set together.",
    "optdigits": "optdigits (Alpaydin & Kaynak, UCI): 43 writers on preprinted forms, stored as "
    "counts of ink in 8×8 blocks, so that much of a stroke's shape is gone. {n_train:,} images of "
    "its training file were at hand, and all {n_test:,} of its test file.",
    "sklearn": "The digits of scikit-learn: the test file of optdigits, image by image. They are "
    "shown since everyone has them, and are no further evidence.",
    "emnist": "EMNIST-Digits (Cohen et al. 2017): from the same forms as MNIST, so it shares "
    "writers with MNIST: no independent evidence.",
}


def main() -> None:
    """Write the page, its figures and its readings for the folders named on the command line."""
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python experiments/transfer.py STUDY_FOLDER [FOLDER_OF_THE_TRANSFER]")
    folder = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) == 3 else folder / "transfer"
    found = load_transfers(folder, out)
    found.sort(key=lambda each: -each.n_images)
    own = RESULTS / "transfer"
    own.mkdir(parents=True, exist_ok=True)
    for figure in ("transfer.png", "convention.png"):
        shutil.copyfile(out / figure, own / figure)
    for each in (each for each in found if each.equal is None):
        shutil.copyfile(each.folder / "readings.npz", own / f"{slug(each.source)}-readings.npz")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown of our own numbers, no page
    )
    page = environment.get_template("transfer.md.j2").render(context(folder, found))
    write_atomic(RESULTS / "transfer.md", page.encode())
    print("Written: docs/results/transfer.md, its figures and readings.")


def context(folder: Path, found: list[Transfer]) -> dict[str, Any]:
    """Return everything that the template of the page names."""
    plan = load_plan(folder)
    home = load_evidence(folder).verdicts
    others = [each for each in found if each.equal is None]
    return {
        "study": plan.study.name,
        "folder": f"runs/{folder.name}",
        "cell": next(iter(home.values())).cells[0].name,
        "target": "{}:{}".format(*plan.target),
        "n_seeds": len(plan.study.seeds),
        "n_models": len(plan.study.seeds) * len(plan.policies),
        "home": home,
        "arms": list(home),
        "went": went,
        "sets": [told(each) for each in others],
        "equal": next((f"{each.equal:.3%}" for each in found if each.equal is not None), None),
        "emnist": any(note_of(each) == "emnist" for each in found),
        "listed": words.listed,
    }


def went(verdict: Verdict) -> str:
    """Return a verdict and its target in half a sentence."""
    cell = verdict.cells[0]
    change = words.images(cell.effect.estimate * cell.n_images, sign=True)
    return (
        f"{verdict.verdict}, {words.images(cell.before_images)} → "
        f"{words.images(cell.after_images)} a seed ({change}, "
        f"{words.interval(cell.effect, cell.n_images)}; {words.p_value(cell.p_holm)})"
    )


def note_of(each: Transfer) -> str:
    """Return the key of what must be said of a set, or ""."""
    return next((key for key in NOTES if key in slug(each.source)), "")


def told(each: Transfer) -> dict[str, Any]:
    """Return what the page says of one set."""
    verdicts = each.verdicts
    cell = next(iter(verdicts.values())).cells[0]
    accuracy_S = each.accuracy[BASELINE]
    train, test = load(each.source)
    note = NOTES.get(note_of(each), "").format(n_train=len(train), n_test=len(test))
    return {
        "slug": slug(each.source),
        "note": note,
        "n_images": f"{each.n_images:,}",
        "n_class": f"{cell.n_images:,}",
        "accuracy": f"{np.mean(accuracy_S):.2%}",
        "sd": f"{100 * np.std(accuracy_S, ddof=1):.2f}",
        "errors": words.images(cell.before_images),
        "rate": f"{cell.before:.2%}",
        "rows": rows(each),
        "verdicts": {
            arm: ", ".join(filter(None, (verdict.verdict, verdict.qualifier)))
            for arm, verdict in verdicts.items()
        },
        "fell": [arm for arm, v in verdicts.items() if v.cells[0].shrank(v.alpha)],
        "rose": [arm for arm, v in verdicts.items() if v.cells[0].grew(v.alpha)],
        "harmed": {
            arm: [item.name for item in v.collateral if item.status == "harmed"]
            for arm, v in verdicts.items()
        },
    }


if __name__ == "__main__":
    main()
