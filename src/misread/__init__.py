"""misread: trials for classifier fixes.

The names below are all that most notebooks need; each is loaded when it is asked for.
"""

import importlib
from typing import Any

__version__ = "0.2.0"

# By name: the module that has it, and what it is called there; __init__.pyi tells type checkers.
_NAMES = {
    "Arm": ("misread.study.arms", "Arm"),
    "Margins": ("misread.judge", "Margins"),
    "Predictions": ("misread.judge.predictions", "Predictions"),
    "Study": ("misread.study.study", "Study"),
    "atlas": ("misread.judge.atlas", "atlas"),
    "conclude": ("misread.study.conclude", "conclude"),
    "figures_of": ("misread.show.study_figures", "figures_of"),
    "from_models": ("misread.readers.convert", "from_models"),
    "from_scores": ("misread.readers.convert", "from_scores"),
    "judge_fix": ("misread.judge.verdict", "judge"),
    "load_data": ("misread.data.sources", "load"),
    "load_study": ("misread.study.file", "load_study"),
    "pilot_from_errors": ("misread.judge.pilot", "pilot_from_errors"),
    "plan_power": ("misread.judge.forecast", "plan_power"),
    "read_predictions": ("misread.readers.read", "read_predictions"),
    "run_study": ("misread.study.run", "run_study"),
    "survey": ("misread.judge.survey", "survey"),
    "write_predictions": ("misread.readers.convert", "write_predictions"),
}
__all__ = ["__version__", *_NAMES]  # noqa: PLE0604  names of `_NAMES` are text


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        msg = f"module 'misread' has no attribute {name!r}; there are {', '.join(_NAMES)}"
        raise AttributeError(msg)
    module, attribute = _NAMES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
