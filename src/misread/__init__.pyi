from collections.abc import Callable

from matplotlib.figure import Figure

from misread.data.sources import load as load_data
from misread.judge import Margins as Margins
from misread.judge.atlas import atlas as atlas
from misread.judge.forecast import plan_power as plan_power
from misread.judge.pilot import pilot_from_errors as pilot_from_errors
from misread.judge.predictions import Predictions as Predictions
from misread.judge.survey import survey as survey
from misread.judge.verdict import judge as judge_fix
from misread.readers.convert import from_models as from_models
from misread.readers.convert import from_scores as from_scores
from misread.readers.convert import write_predictions as write_predictions
from misread.readers.read import read_predictions as read_predictions
from misread.study.arms import Arm as Arm
from misread.study.conclude import conclude as conclude
from misread.study.evidence import Evidence
from misread.study.file import load_study as load_study
from misread.study.run import run_study as run_study
from misread.study.study import Study as Study

__all__ = [
    "Arm",
    "Margins",
    "Predictions",
    "Study",
    "__version__",
    "atlas",
    "conclude",
    "figures_of",
    "from_models",
    "from_scores",
    "judge_fix",
    "load_data",
    "load_study",
    "pilot_from_errors",
    "plan_power",
    "read_predictions",
    "run_study",
    "survey",
    "write_predictions",
]

__version__: str

# Not by import: mypy would meet the figures, decorated, in a circle.
def figures_of(evidence: Evidence) -> dict[str, Callable[[], Figure]]: ...
