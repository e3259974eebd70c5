"""Write docs/results/corruptions.md from a study's models that read corrupted images.

    misread corruptions runs/four-nine-quick
    python experiments/corruptions.py runs/four-nine-quick [FOLDER_OF_THE_CORRUPTIONS]

takes what the first command left (`corruptions/mnist-c/` in the study's folder) and writes the page
from `corruptions.md.j2`, its figure, and the numbers behind it as JSON; also the picture of the
fifteen for docs/corruptions.md. Every number comes from that folder.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import jinja2

from misread.files import write_atomic, write_json
from misread.judge import Item
from misread.show import words
from misread.show.figures.corruptions import rows, worse
from misread.study.corruptions import Corruptions, load_corruptions
from misread.study.plan import load_plan
from misread.study.robustness import CLEAN
from misread.study.study import BASELINE

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"


def main() -> None:
    """Write the page, its figures and its numbers for the folders named on the command line."""
    if len(sys.argv) not in (2, 3):
        sys.exit(
            "usage: python experiments/corruptions.py STUDY_FOLDER [FOLDER_OF_THE_CORRUPTIONS]"
        )
    folder = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) == 3 else folder / "corruptions"
    found = load_corruptions(out / "mnist-c")
    own = RESULTS / "corruptions"
    own.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found.folder / "accuracy.png", own / "accuracy.png")
    shutil.copyfile(found.folder / "images.png", ROOT / "docs" / "figures" / "corruptions.png")
    write_json(own / "numbers.json", numbers(found))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown of our own numbers, no page
    )
    page = environment.get_template("corruptions.md.j2").render(context(folder, found))
    write_atomic(RESULTS / "corruptions.md", page.encode())
    print("Written: docs/results/corruptions.md, its figures and numbers.")


def numbers(found: Corruptions) -> dict[str, Any]:
    """Return what the page rests on: all rows and means, and each arm's slice items by status."""
    judged = {
        arm: {
            "verdict": verdict.verdict,
            "items": {
                item.name: {
                    "status": item.status,
                    "change": item.effect.estimate,
                    "low": item.effect.low,
                    "high": item.effect.high,
                }
                for item in verdict.collateral
                if item.slice_name
            },
        }
        for arm, verdict in found.verdicts.items()
    }
    return {**found.told.model_dump(mode="json"), "judged": judged}


def context(folder: Path, found: Corruptions) -> dict[str, Any]:
    """Return everything that the template of the page names."""
    told, plan = found.told, load_plan(folder)
    margin = plan.study.judge.margins.slice
    return {
        "study": told.study,
        "recipe": plan.study.recipe_name,
        "folder": f"runs/{folder.name}",
        "cell": told.cell,
        "n_seeds": len(told.seeds),
        "n_models": len(told.seeds) * len(told.means),
        "n_images": f"{told.n_images:,}",
        "n_slices": len(told.corruptions),
        "n_items": len(slice_items(found, next(iter(found.verdicts)))),
        "margin": f"{100 * margin:.0f}",
        "clean": words.percent(told.rows[CLEAN][BASELINE].accuracy.mean),
        "mean": words.percent(told.means[BASELINE].accuracy.estimate),
        "arms": {arm: told_of(found, arm) for arm in found.verdicts},
        "brittle": [a for a in found.verdicts if (c := told.means[a].change) and c.low > 0],
        "sturdier": [a for a in found.verdicts if (c := told.means[a].change) and c.high < 0],
        "costly": [arm for arm in found.verdicts if told_of(found, arm)["more_errors"]],
        "cheap": [arm for arm in found.verdicts if told_of(found, arm)["fewer_errors"]],
        "all_arms": list(told.means),
        "accuracy": accuracy_rows(found),
        "listed": words.listed,
    }


def told_of(found: Corruptions, arm: str) -> dict[str, Any]:
    """Return what the page says of an arm."""
    verdict, mean = found.verdicts[arm], found.told.means[arm]
    items = slice_items(found, arm)
    ratio, change = mean.corruption_error, mean.change
    if ratio is None or change is None:
        msg = f"{arm} has no mean over the corruptions; there is nothing to compare it with."
        raise SystemExit(msg)
    counts = {s: sum(i.status == s for i in items) for s in ("safe", "undetermined", "harmed")}
    own = f"{found.told.cell}"
    return {
        "verdict": ", ".join(filter(None, (verdict.verdict, verdict.qualifier))),
        "rows": rows(found, arm),
        "change": _points(-change.estimate, -change.high, -change.low),
        "p": words.p_value(change.p_value),
        "ratio": f"{100 * ratio.estimate:.1f}% ({100 * ratio.low:.1f} to {100 * ratio.high:.1f})",
        "counts": counts,
        "harmed": harmed_told([item for item in items if item.status == "harmed"]),
        "more_errors": ratio.low > 1,
        "fewer_errors": ratio.high < 1,
        "cell_harmed": [i.slice_name for i in items if i.name.endswith(own) and i.effect.low > 0],
        "cell_mended": [i.slice_name for i in items if i.name.endswith(own) and i.effect.high < 0],
        "worse": worse(found, arm),
        "better": worse(found, arm, better=True),
    }


def slice_items(found: Corruptions, arm: str) -> list[Item]:
    """Return the judge's items of the corruptions."""
    return [item for item in found.verdicts[arm].collateral if item.slice_name]


def harmed_told(items: list[Item]) -> str:
    """Return harmed items by corruption, and what became of the one that grew most."""
    if not items:
        return ""
    told = []
    for name in dict.fromkeys(item.slice_name for item in items):
        own = [item.name.partition(" · ")[2] for item in items if item.slice_name == name]
        told.append(f"{name} ({', '.join(own)})")
    most = max(items, key=lambda item: item.effect.estimate)
    effect = most.effect
    grew = (
        f"{most.name}, misread in {words.percent(most.before)} → {words.percent(most.after)} "
        f"({_points(effect.estimate, effect.low, effect.high)})."
    )
    return grew if len(items) == 1 else f"{words.listed(told)}. Most of all {grew}"


def accuracy_rows(found: Corruptions) -> list[tuple[str, list[str]]]:
    """Return the accuracy of every arm with its interval, clean, by corruption and in the mean."""
    told = [
        (name, [_share(on.accuracy.mean, on.accuracy.low, on.accuracy.high) for on in own.values()])
        for name, own in found.told.rows.items()
    ]
    means = [_share(*mean.accuracy[:3]) for mean in found.told.means.values()]
    return [*told, (f"**mean of the {len(found.told.corruptions)}**", means)]


def _share(mean: float, low: float, high: float) -> str:
    return f"{100 * mean:.1f}% ({100 * low:.1f}–{100 * high:.1f})"


def _points(estimate: float, low: float, high: float) -> str:
    told = [words.number(100 * value, sign=True) for value in (estimate, low, high)]
    return f"{told[0]} pp, {told[1]} to {told[2]}"


if __name__ == "__main__":
    main()
