"""The machine and the versions behind a run, for `environment.json`."""

import platform
import sys
from contextlib import suppress
from importlib import metadata
from typing import Any

from misread.learn.call import source_sha256
from misread.learn.recipe import TrainerCall
from misread.learn.trainer import Trainer


def environment(trainer: Trainer, call: TrainerCall) -> dict[str, Any]:
    """Return what may explain a difference between machines: versions, platform, processor."""
    trainers = ("keras", "tensorflow", "torch", "jax")
    others = ("numpy", "scikit-learn", "opencv-python-headless")
    versions = {}
    for name in ("misread", *trainers, *others):
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "threads": 1,
        "versions": versions,
        **({} if call.is_ours else {"backend": call.text, "trainer_sha256": source_sha256(call)}),
        **trainer.facts(),
    }
