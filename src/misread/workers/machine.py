"""Cores and memory that this machine has for workers, and their environment of one thread."""

import os
import re
from pathlib import Path

from misread.workers.arithmetic import MOST, ONEDNN

# What a worker may need at its peak: a run on all of MNIST took 1.0 GiB, with Keras' own fit 1.6
# (`python benchmarks/executors.py --memory`); the rest is room for what other versions take.
WORKER_BYTES = 2 * 2**30

# Limit, use, and statistics of a control group: version 2, version 1.
_CGROUPS = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(system: Path = Path("/")) -> int | None:
    """Return how many bytes of memory may still be taken; None where the system does not say.

    On Linux, whose files are below `system`, that is what is available, less where a control group
    (a container, say) allows less; elsewhere all memory of the machine.
    """
    try:
        lines = (system / "proc/meminfo").read_text("utf-8").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line[:12] == "MemAvailable")
    except (OSError, StopIteration):
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, OSError, ValueError):
            return None
    for names in _CGROUPS:
        try:
            limit, used, statistics = (
                (system / "sys/fs/cgroup" / name).read_text("utf-8") for name in names
            )
            allowed, taken = int(limit), int(used)
        except (OSError, ValueError):  # no such group, or its limit is "max"
            continue
        # Files that were read are counted as use, though their memory is given back when needed.
        files = re.search(r"^(?:total_)?inactive_file (\d+)$", statistics, re.MULTILINE)
        taken -= int(files[1]) if files else 0
        free = min(free, max(0, allowed - taken))
    return free


def default_jobs() -> int:
    """Return how many workers fit: one per core, as far as the memory goes, and at least one."""
    free = free_memory()
    return cores() if free is None else max(1, min(cores(), free // WORKER_BYTES))


def thread_environment() -> dict[str, str]:
    """Return the environment of a single-threaded worker; its libraries read it when they load."""
    return {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **{name: os.environ[name] for name in (MOST,) if name in os.environ},
        ONEDNN: os.environ.get(ONEDNN, "1"),
        "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "tensorflow"),
        # Several workers share a GPU, where there is one: nobody takes all of its memory.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
