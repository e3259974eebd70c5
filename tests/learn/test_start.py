import subprocess
import sys

PROGRAM = """
import sys
from misread.learn.call import KERAS_ASIDES, trainer_of
from misread.learn.recipe import TrainerCall
trainer_of(TrainerCall())
assert "keras" in sys.modules
assert not {*KERAS_ASIDES} & {*sys.modules}, "a worker's start waits for what it does not use"
import pandas, sklearn
"""


def test_a_worker_starts_without_what_keras_loads_on_the_side():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
