"""The judge: predictions in, evidence out. No Keras, no disk, no printing."""

from misread.judge.atlas import Atlas, CellAtlas, Ledger, Misread, atlas, cell_atlas, ledger
from misread.judge.collateral import Item, Margins
from misread.judge.confusion import (
    CellRank,
    ClassMetrics,
    class_metrics,
    confusion_counts,
    rank_cells,
)
from misread.judge.detectable import (
    Components,
    detectable,
    images_for,
    seeds_for,
    variance_components,
)
from misread.judge.effects import (
    Effect,
    benjamini_hochberg,
    holm,
    noninferiority,
    two_way,
)
from misread.judge.looks import LEAST_SEEDS, Adaptive, Settled, boundaries
from misread.judge.pair import align, cell_of, judge_predictions
from misread.judge.pilot import (
    Heterogeneity,
    Pilot,
    pilot_from_both,
    pilot_from_counts,
    pilot_from_errors,
    pilot_from_rate,
)
from misread.judge.planner import PowerAnswer, plan_power
from misread.judge.power import power_of, smallest_found
from misread.judge.predictions import Predictions
from misread.judge.readings import SliceReadings
from misread.judge.settle import judge_look
from misread.judge.targets import CellResult, asymmetry
from misread.judge.two_models import mcnemar_midp
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
    "Pilot",
    "PowerAnswer",
    "Predictions",
    "Settled",
    "SliceReadings",
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
    "detectable",
    "holm",
    "images_for",
    "judge",
    "judge_look",
    "judge_predictions",
    "ledger",
    "mcnemar_midp",
    "noninferiority",
    "pilot_from_both",
    "pilot_from_counts",
    "pilot_from_errors",
    "pilot_from_rate",
    "plan_power",
    "power_of",
    "rank_cells",
    "seeds_for",
    "smallest_found",
    "two_way",
    "variance_components",
]
