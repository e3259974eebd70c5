"""Sections by which a study with a target comes again: its commands, and every reading."""

import numpy as np

from misread import wording
from misread.files import Arrays
from misread.show import words
from misread.show.markdown.page import Beside, section
from misread.show.report import command
from misread.study.arms import BASELINE
from misread.study.evidence import Evidence
from misread.study.questions import Proof


def run(evidence: Evidence, beside: Beside) -> str:
    """Tell by which commands all of it comes again, and how long it takes."""
    plan, machine = evidence.plan, evidence.environment
    seconds = float(np.median([s for values in evidence.train_seconds.values() for s in values]))
    folder = f"runs/{evidence.folder.resolve().name}"
    return section(
        "How it was run",
        f"```bash\n{command(evidence)} --out {folder}\n{beside.command(folder)}\n```",
        f"Plan `{plan.sha256[:16]}`{words.recipe_name(evidence)}; "
        f"{wording.count(evidence.n_runs, 'run')}, {seconds:.0f} s of training each (median, "
        f"{wording.count(machine['threads'], 'thread')}), by {words.trained_by(evidence)}.",
        beside.figure("training_curves"),
    )


def readings(evidence: Evidence, beside: Beside) -> str:
    """Give what every arm and seed read in every image, to be judged again without training."""
    path, link = beside.readings(arrays_of(evidence))
    text = f"What every arm and seed read in every image: {link}."
    whole = [arm for arm in evidence.treated_arms if _has_all_seeds(evidence, arm)]
    if not whole:
        return section("The readings", text)
    target = "{}:{}".format(*evidence.target)
    judge = "\n".join(
        f"misread judge {path}#{BASELINE} {path}#{arm} --cell {target}" for arm in whole
    )
    spec, usual = evidence.plan.study.judge, Proof()
    is_usual = spec.model_copy(update={"both_directions": False}) == usual
    is_usual &= evidence.plan.study.adaptive is None
    pooled = evidence.plan.pooled
    python = AGAIN.format(
        path=path,
        arm=whole[0],
        cells=list(evidence.plan.cells),
        weight=f", weight={pooled.weight}" if pooled else "",
    )
    return section(
        "The readings",
        f"{text} Judge them again without training:",
        f"```bash\n{judge}\n```",
        *((BOTH, python) if evidence.slices and is_usual else ()),
    )


BOTH = """\
These judge the images as they are. With the counter-slices, which are in the same file, the verdict
is that of the study, but for trades, which take probabilities:"""

AGAIN = """\
```python
import numpy as np

from misread.judge import Predictions, judge

with np.load("{path}") as file:
    read = dict(file)
arm = "{arm}"


def part(view, name):
    return Predictions.from_arrays(
        read[f"{{view}}labels"],
        read[f"{{view}}{{name}}"],
        groups=read.get(f"{{view}}groups"),
        held_out_SN=read.get(f"{{view}}held_out"),
    )


def side(name):
    whole = part("", name)
    for view in (key.removesuffix("labels") for key in read if key.endswith(" labels")):
        whole = whole.with_slice(view.strip(), part(view, name))
    return whole


verdict = judge(side("baseline"), side(arm), cells={cells}{weight})
print(verdict.verdict, verdict.reason)
```"""


def arrays_of(evidence: Evidence) -> Arrays:
    """Return every reading: `labels` [N], `seeds` [S], arms [S,N], and of each slice the same.

    An arm that was settled early has the first of the seeds. `disputed` [N] and `groups` [N] are
    there where they are known. Where held-out images count and all arms have all seeds, they stand
    behind those of *confirm*, and `held_out` [S,N] says which seed has read which. Those of a slice
    begin with its name, as in `erode 2 px labels`.
    """
    is_whole = all(_has_all_seeds(evidence, arm) for arm in evidence.runs)
    sides = {arm: it.evidence if is_whole else it.side for arm, it in evidence.runs.items()}
    arrays: Arrays = {"seeds": np.array(evidence.seeds)}
    for name in ("", *sides[BASELINE].slices):
        parts = {arm: side.slices[name] if name else side for arm, side in sides.items()}
        of_images = parts[BASELINE]
        known = {
            "labels": of_images.labels_N,
            "held_out": of_images.held_out_SN,
            "groups": of_images.groups,
            "disputed": of_images.disputed_N,
            **{arm: part.preds_SN for arm, part in parts.items()},
        }
        arrays |= {f"{name} {key}".lstrip(): it for key, it in known.items() if it is not None}
    return arrays


def _has_all_seeds(evidence: Evidence, arm: str) -> bool:
    """Return True where an arm was not settled early, and so has read what the others have."""
    return len(evidence.runs[arm].seeds) == len(evidence.seeds)
