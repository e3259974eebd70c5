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
    python = (AGAIN_POOLED if pooled else AGAIN).format(
        path=path,
        arm=whole[0],
        cells=list(evidence.plan.cells),
        groups=GROUPS[bool(pooled)] * evidence.plan.grouped,
        weight=pooled and pooled.weight,
    )
    return section(
        "The readings",
        f"{text} Judge them again without training:",
        f"```bash\n{judge}\n```",
        *((BOTH + f"{TRADES * bool(pooled)}:", python) if evidence.slices and is_usual else ()),
    )


BOTH = """\
These judge the images as they are. With the counter-slices, which are in the same file, the verdict
is that of the study"""
GROUPS = (', groups=read["groups"]', '\n        groups=read[f"{view}groups"],')
TRADES = ", but for trades, which take probabilities"

AGAIN = """\
```python
import numpy as np

from misread.judge import Predictions, judge

with np.load("{path}") as file:
    read = dict(file)
arm = "{arm}"


def side(name):
    whole = Predictions.from_arrays(read["labels"], read[name]{groups})
    for view in (key.removesuffix(" ids") for key in read if key.endswith(" ids")):
        whole = whole.with_view(view, read[f"{{view}} {{name}}"], read[f"{{view}} ids"])
    return whole


verdict = judge(side("baseline"), side(arm), cells={cells})
print(verdict.verdict, verdict.reason)
```"""

AGAIN_POOLED = """\
```python
import numpy as np

from misread.judge import Predictions, judge

with np.load("{path}") as file:
    read = dict(file)
arm = "{arm}"


def part(view, name):
    return Predictions.from_arrays(
        read[f"{{view}}labels"],
        read[f"{{view}}{{name}}"],{groups}
        held_out_SN=read.get(f"{{view}}held_out"),
    )


def side(name):
    whole = part("", name)
    for view in (key.removesuffix("labels") for key in read if key.endswith(" labels")):
        whole = whole.with_slice(view.strip(), part(view, name))
    return whole


verdict = judge(side("baseline"), side(arm), cells={cells}, weight={weight})
print(verdict.verdict, verdict.reason)
```"""


def arrays_of(evidence: Evidence) -> Arrays:
    """Return every reading: `labels` [N], `seeds` [S], arms [S,N], and of each slice the same.

    An arm that was settled early has the first of the seeds. `disputed` [N] and `groups` [N] are
    there where they are known; `SLICE ids` [M] are the places of a slice's images among the N.
    Where held-out images count and all arms have all seeds, they stand behind those of *confirm*,
    `held_out` [S,N] says which seed has read which, and a slice has `SLICE labels`, `groups` and
    `held_out` of its own.
    """
    if evidence.plan.pooled and all(_has_all_seeds(evidence, arm) for arm in evidence.runs):
        return _pooled_arrays(evidence)
    confirm = evidence.confirm
    arrays: Arrays = {
        "labels": confirm.labels_N.astype(np.min_scalar_type(confirm.n_classes)),
        "seeds": np.array(evidence.seeds),
        **evidence.predictions,
    }
    if confirm.disputed_N is not None:
        arrays["disputed"] = confirm.disputed_N
    if confirm.groups_N is not None and evidence.plan.grouped:
        arrays["groups"] = confirm.groups_N.astype(np.int32)
    for piece in evidence.slices:
        arrays[f"{piece.view.name} ids"] = piece.ids_M.astype(np.int32)
        arrays |= {f"{piece.view.name} {arm}": r_SM for arm, r_SM in piece.predictions.items()}
    return arrays


def _has_all_seeds(evidence: Evidence, arm: str) -> bool:
    """Return whether an arm was not settled early, and so has read what the others have."""
    return len(evidence.runs[arm].seeds) == len(evidence.seeds)


def _pooled_arrays(evidence: Evidence) -> Arrays:
    arrays: Arrays = {"seeds": np.array(evidence.seeds)}
    sides = {arm: runs.evidence for arm, runs in evidence.runs.items()}
    first = sides[BASELINE]
    for name, known in (("", first), *first.slices.items()):
        view = f"{name} " if name else ""
        parts = {
            "labels": known.labels_N,
            "held_out": known.held_out_SN,
            "groups": known.groups,
            "disputed": known.disputed_N,
            **{arm: (side.slices[name] if name else side).preds_SN for arm, side in sides.items()},
        }
        arrays |= {f"{view}{key}": part for key, part in parts.items() if part is not None}
    return arrays
