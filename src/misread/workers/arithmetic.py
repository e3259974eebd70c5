"""The arithmetic of TensorFlow in a worker: its kernels, and the vector instructions they take.

Another arithmetic rounds otherwise, and after some hundred steps of training that is another model.
TensorFlow takes oneDNN's kernels where a processor has AVX-512 and, left alone, its own where it
has not; those are slower (docs/benchmarks.md), so workers are told to take oneDNN's. What
they take is recorded in each run, and can be had again on any processor that knows as much.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from misread.files import Frozen

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"  # both are read when TensorFlow loads
MOST = "ONEDNN_MAX_CPU_ISA"
# From least to most, and as MOST calls them.
_VECTORS = {"AVX": "AVX", "AVX2": "AVX2", "AVX-512": "AVX512_CORE"}
_FLAGS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "asimd": "NEON"}


class Arithmetic(Frozen):
    """The kernels and instructions that decide how numbers are rounded in training."""

    onednn: bool  # whether the kernels are those of oneDNN
    vectors: str  # their instructions: AVX-512, AVX2, AVX, NEON; "" where the system does not say

    def __str__(self) -> str:
        """Return it in words."""
        kernels = "oneDNN" if self.onednn else "TensorFlow's own kernels"
        return f"{kernels} on {self.vectors or 'an unknown processor'}"


@cache
def vectors(system: Path = Path("/")) -> str:
    """Return the widest vector instructions of this processor; "" where the system does not say."""
    try:
        words = set((system / "proc/cpuinfo").read_text("utf-8").split())
    except OSError:
        return ""
    return next((name for flag, name in _FLAGS.items() if flag in words), "")


def arithmetic(environ: Mapping[str, str] = os.environ) -> Arithmetic:
    """Return the arithmetic of a worker that starts in such an environment."""
    most = environ.get(MOST, "").upper()
    allowed = next(
        (name for name, isa in reversed(_VECTORS.items()) if most.startswith(isa[:6])), ""
    )
    if allowed and vectors() in _VECTORS:
        allowed = min(allowed, vectors(), key=[*_VECTORS].index)
    return Arithmetic(onednn=environ.get(ONEDNN, "1") == "1", vectors=allowed or vectors())


def settings(like: Arithmetic) -> dict[str, str] | None:
    """Return the environment of a worker with such an arithmetic; None where it cannot be had."""
    known = [*_VECTORS]
    narrower = known[: known.index(vectors())] if vectors() in known else []
    if like.vectors not in (vectors(), *narrower):
        return None
    most = "ALL" if like.vectors == vectors() else _VECTORS[like.vectors]
    return {ONEDNN: str(int(like.onednn)), MOST: most}


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process's environment, which new processes take over, for a while."""
    before = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        os.environ.update(before)
