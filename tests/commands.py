"""The command line in a process of its own, and what its folders hold whenever they were made."""

import os
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).parent
# These say when and how a study was brought about, and may differ where the result does not.
UNSTABLE = {"environment.json", "model.keras", "workers.log", ".lock"}

SMOKE = ("four-nine", "--smoke", "--arms", "documented,both")  # what Keras trains for all tests

# The command line, but of the figures of a fix, which take longest, it draws one.
PLAIN = """
from misread.cli import main
from misread.show import study_figures

if __name__ == "__main__":
    study_figures.FIGURES = {"ledger": study_figures.FIGURES["ledger"]}
    main()
"""


def environment(**changes):
    """Return this one with the stand-in on the path of a new process."""
    path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path} | changes


def misread(*args, **changes):
    """Run a command to its end, with one figure; `changes` go into its environment."""
    command = [sys.executable, "-c", PLAIN, *map(str, args)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=1100, env=environment(**changes)
    )


def begin(*args, **changes):
    """Begin a command, in a group of processes of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "misread", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment(**changes),
    )


def kill_when(ready, sig, *args, **changes):
    """Begin a command, send it `sig` as soon as `ready()`; return exit code and standard error.

    The signal goes to the command alone: its workers must end by themselves.
    """
    process = begin(*args, **changes)
    deadline = time.monotonic() + 900
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, sig)
    said = process.communicate(timeout=600)[1]
    deadline = time.monotonic() + 300
    group = ["pgrep", "-g", str(process.pid)]
    while subprocess.run(group, capture_output=True).stdout:
        assert time.monotonic() < deadline, "workers outlive their study"
        time.sleep(0.05)
    return process.returncode, said


def stable_bytes(folder):
    """Return every file that must not depend on when and how often a study was begun."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in UNSTABLE
    }
