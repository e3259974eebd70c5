"""The judge: predictions in, evidence out. No Keras, no disk, no printing."""

from typing import NoReturn

from misread.judge.align import align
from misread.judge.atlas import Atlas, CellAtlas, Misread, atlas, cell_atlas
from misread.judge.classes import cell_of
from misread.judge.confusion import (
    CellRank,
    ClassMetrics,
    class_metrics,
    confusion_counts,
    rank_cells,
)
from misread.judge.effects import (
    Effect,
    benjamini_hochberg,
    holm,
    noninferiority,
    two_way,
)
from misread.judge.forecast import PowerAnswer, plan_power
from misread.judge.items import Item, Margins
from misread.judge.ledger import Ledger, ledger
from misread.judge.looks import LEAST_SEEDS, Adaptive, Settled, boundaries
from misread.judge.pair import Pair
from misread.judge.pilot import (
    Heterogeneity,
    Pilot,
    pilot_from_both,
    pilot_from_counts,
    pilot_from_errors,
    pilot_from_rate,
)
from misread.judge.power import power_of, smallest_found
from misread.judge.predictions import Predictions
from misread.judge.reverse import asymmetry
from misread.judge.settle import judge_look
from misread.judge.targets import CellResult, pilot_of
from misread.judge.two_models import mcnemar_midp
from misread.judge.variance import Components, variance_components
from misread.judge.verdict import Verdict, judge

__all__ = [
    "LEAST_SEEDS",
    "Adaptive",
    "Atlas",
    "CellAtlas",
    "CellRank",
    "CellResult",
    "ClassMetrics",
    "Components",
    "Effect",
    "Heterogeneity",
    "Item",
    "Ledger",
    "Margins",
    "Misread",
    "Pair",
    "Pilot",
    "PowerAnswer",
    "Predictions",
    "Settled",
    "Verdict",
    "align",
    "asymmetry",
    "atlas",
    "benjamini_hochberg",
    "boundaries",
    "cell_atlas",
    "cell_of",
    "class_metrics",
    "confusion_counts",
    "holm",
    "judge",
    "judge_look",
    "ledger",
    "mcnemar_midp",
    "noninferiority",
    "pilot_from_both",
    "pilot_from_counts",
    "pilot_from_errors",
    "pilot_from_rate",
    "pilot_of",
    "plan_power",
    "power_of",
    "rank_cells",
    "smallest_found",
    "two_way",
    "variance_components",
]

_MOVED = {
    "SliceReadings": "Predictions.with_slice adds a slice to either side",
    "judge_predictions": "`judge` takes two Predictions itself",
    "detectable": "`smallest_found` has the power of the judge's own test",
    "seeds_for": "`plan_power` says how many seeds would do",
    "images_for": "`plan_power` says how many images would do",
}


def __getattr__(name: str) -> NoReturn:
    """Say where a name went that earlier versions had there."""
    if name in _MOVED:
        msg = f"misread.judge has no {name} any more: {_MOVED[name]}."
        raise ImportError(msg)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
