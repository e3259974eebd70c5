"""The judge: predictions in, evidence out. No Keras, no disk, no printing."""

from misread.judge.alignment import align, judge_predictions
from misread.judge.atlas import CellAtlas, Ledger, Misread, cell_atlas, ledger
from misread.judge.collateral import Item, Margins
from misread.judge.confusion import (
    CellRank,
    ClassMetrics,
    class_metrics,
    confusion_counts,
    rank_cells,
)
from misread.judge.inference import (
    Effect,
    benjamini_hochberg,
    holm,
    mcnemar_midp,
    noninferiority,
    two_way,
)
from misread.judge.power import (
    Components,
    detectable,
    images_needed,
    seeds_needed,
    smallest_detectable,
    variance_components,
)
from misread.judge.predictions import Predictions
from misread.judge.readings import SliceReadings
from misread.judge.targets import CellResult, asymmetry
from misread.judge.verdict import Verdict, judge

__all__ = [
    "CellAtlas",
    "CellRank",
    "CellResult",
    "ClassMetrics",
    "Components",
    "Effect",
    "Item",
    "Ledger",
    "Margins",
    "Misread",
    "Predictions",
    "SliceReadings",
    "Verdict",
    "align",
    "asymmetry",
    "benjamini_hochberg",
    "cell_atlas",
    "class_metrics",
    "confusion_counts",
    "detectable",
    "holm",
    "images_needed",
    "judge",
    "judge_predictions",
    "ledger",
    "mcnemar_midp",
    "noninferiority",
    "rank_cells",
    "seeds_needed",
    "smallest_detectable",
    "two_way",
    "variance_components",
]
