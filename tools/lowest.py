"""Test what trains nothing with the lowest versions that pyproject.toml allows: `make lowest`.

Only direct dependencies are held to their lower bounds: those are the promise. The environment is
made in a folder of its own and removed again. Needs uv and Python 3.11, the lowest that is allowed.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PYTHON = "3.11"
# Deprecations are for newer versions to report; whatever else warns is an error here too.
WARNINGS = ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")
TESTS = ("judge", "readers", "simulate", "cli/test_judge.py", "cli/test_demo.py", "test_testing.py")
NEEDS_MORE = "not keras and not from_models"
TOOLS = ("hypothesis", "jsonschema", "pandas", "pytest", "scikit-learn", "statsmodels", "syrupy")


def main() -> int:
    """Make the environment, run the tests in it, and return their exit code."""
    uv = os.environ.get("UV") or "uv"
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    dev = project["dependency-groups"]["dev"]
    tools = [item for item in dev if item.startswith(TOOLS)]
    with tempfile.TemporaryDirectory(prefix="misread-lowest-") as name:
        python = Path(name) / "bin" / "python"
        install = ["pip", "install", "--quiet", "--no-config", "--python", str(python)]
        lowest = ["--resolution", "lowest-direct", *tools, "-e", f"{PROJECT}[tables]"]
        for command in (["venv", "--quiet", "--python", PYTHON, name], [*install, *lowest]):
            subprocess.run([uv, *command], cwd=PROJECT, check=True)  # noqa: S603
        ignored = [word for kind in WARNINGS for word in ("-W", f"ignore::{kind}")]
        tests = [str(PROJECT / "tests" / test) for test in TESTS]
        options = ["-q", "-p", "no:cacheprovider", "-k", NEEDS_MORE, *ignored]
        command = [str(python), "-m", "pytest", *options, *tests]
        return subprocess.run(command, cwd=PROJECT, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
