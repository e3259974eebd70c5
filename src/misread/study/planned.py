"""The power of a plan, before its arms are trained."""

from typing import Any

import numpy as np

from misread.data.dataset import Dataset
from misread.errors import JudgeError
from misread.judge import PowerAnswer, plan_power
from misread.judge.pooled import Held
from misread.judge.power import NONE_HELD
from misread.judge.safety import plan_safety
from misread.study.plan import counter_slices
from misread.study.questions import Cell
from misread.study.select import cell_on_confirm, pilot_on_select
from misread.study.study import Study


def planned_power(
    study: Study,
    errors: dict[str, Any],
    cell: Cell,
    confirm: Dataset,
    held: Held = NONE_HELD,
) -> PowerAnswer | None:
    """Return what a study can be expected to show of a cell, with what its seeds hold out.

    Beside it stands the chance that all else is safe, if the fix harms nothing. Rates are those of
    the baseline on *select*, as in `errors.json`; of *confirm* only the labels are counted. Where
    both directions are asked, the level is that of the first step of Holm. None where *select*
    holds no such error: then no reduction can be planned.
    """
    try:
        pilot = pilot_on_select(errors, cell)
    except JudgeError:
        return None
    name, n_images = cell_on_confirm(study, cell, confirm)
    alpha = study.judge.alpha
    level = study.adaptive.levels(alpha)[-1] if study.adaptive else alpha
    answer = plan_power(
        pilot,
        cell=name,
        n_seeds=len(study.seeds),
        n_images=n_images,
        reduction=study.judge.reduction,
        alpha=level / (2 if study.judge.both_directions else 1),
        held=held,
    )
    policies = [policy for policy in study.policies(cell).values() if policy]
    views = counter_slices(policies, cell, study.slices)
    treatments = [*dict.fromkeys(view.treatment for view in views), *study.corruptions]
    safe = plan_safety(
        {(c["true"], c["predicted"]): c["rate"] for c in errors["cells"]},
        np.bincount(confirm.labels_N, minlength=confirm.n_classes).tolist(),
        confirm.class_names,
        cell,
        treatments,
        n_seeds=len(study.seeds),
        held=held,
        reduction=study.judge.reduction,
        margins=study.judge.margins,
        alpha=study.adaptive.items_levels(alpha)[-1] if study.adaptive else alpha,
    )
    return answer.model_copy(update={"safe": safe})
