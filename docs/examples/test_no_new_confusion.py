"""For a model's repository: the candidate must not read more ones as nines than the baseline.

`baseline.npz` is in the repository, `candidate.npz` was made just before, by `predict.py`.
"""

from pathlib import Path

from misread.judge import Margins
from misread.testing import assert_no_harm

HERE = Path(__file__).parent
# What nobody would miss: shares of all images (accuracy) or of one class (recall, cells).
MARGINS = Margins(accuracy=0.02, recall=0.06, cell=0.06)


def test_no_new_confusion() -> None:
    assert_no_harm(
        HERE / "baseline.npz", HERE / "candidate.npz", cells=["1:9", "3:8"], margins=MARGINS
    )
