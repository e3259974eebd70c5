import subprocess
import sys

import pytest

ALONE = """
import sys
from misread.learn.call import UNUSED_BY_WORKERS, trainer_of
from misread.learn.recipe import TrainerCall
trainer_of(TrainerCall())
assert "keras" in sys.modules
assert not {*UNUSED_BY_WORKERS} & {*sys.modules}, "a worker's start waits for what it does not use"
import pandas, sklearn
"""

TOGETHER = """
import os
from functools import partial
from pathlib import Path
from misread.learn.recipe import TrainerCall
from misread.learn.work import preload, prepare, work
from misread.workers.processes import LocalPool

def parents(jobs):
    trainer = TrainerCall()
    pool = LocalPool(work, partial(prepare, trainer), jobs, Path("log"), preload(trainer))
    pool.start(jobs)
    while pool.n_ready < jobs:
        pool.wait(0.2)
    stats = [Path(f"/proc/{slot.process.pid}/stat").read_text() for slot in pool._slots]
    pool.close()
    return [int(stat.rpartition(")")[2].split()[1]) for stat in stats]

if __name__ == "__main__":
    first, second = parents(2)
    assert first == second != os.getpid(), "two workers import alike"
    assert len(os.listdir(f"/proc/{first}/task")) == 1, "a fork of several threads is not whole"
    other = {"0": "1"}.get(os.environ.get("TF_ENABLE_ONEDNN_OPTS", ""), "0")
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = other  # which is read when TensorFlow loads
    assert parents(1) == [os.getpid()]
"""


def test_a_worker_starts_without_what_keras_loads_on_the_side():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a fork is not safe")
def test_workers_fork_from_one_process_that_has_imported_keras(tmp_path):
    (tmp_path / "two.py").write_text(TOGETHER)
    done = subprocess.run(
        [sys.executable, "two.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout + done.stderr, "what TensorFlow prints is not shown"
