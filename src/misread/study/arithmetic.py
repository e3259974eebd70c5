"""One arithmetic in a study's folder: what its runs record, and what goes on with what."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from misread.errors import PlanError
from misread.files import read_json
from misread.store import Environment
from misread.wording import listed
from misread.workers.arithmetic import Arithmetic, arithmetic, environment, settings

_UNKNOWN = "an arithmetic that misread did not record yet"


class _Machine(Environment):
    """`environment.json` with the arithmetic, where it is recorded."""

    arithmetic: Arithmetic | None = None


def recorded(folder: Path) -> Counter[Arithmetic | None]:
    """Return the arithmetic of a study's runs on TensorFlow, and of how many; None is not known."""
    paths = sorted(folder.glob("arms/*/seed_*/environment.json"))
    runs = [_Machine.model_validate(read_json(path, _Machine)) for path in paths]
    return Counter(run.arithmetic for run in runs if run.backend == "tensorflow")


@contextmanager
def as_recorded(folder: Path) -> Iterator[None]:
    """Let workers start with the arithmetic of a study's runs, where it is one and can be had."""
    there = [*recorded(folder)]
    known = there[0] if len(there) == 1 else None
    with environment(settings(known or arithmetic()) or {}):
        yield


def refuse_another_arithmetic(folder: Path) -> None:
    """Refuse to train more runs of a study with another arithmetic than those that are there.

    PlanError if there are such runs, or some of before misread recorded it.
    """
    now = arithmetic()
    others = [was for was in recorded(folder) if was != now]
    if others:
        msg = (
            f"{folder} was trained with {listed([str(was or _UNKNOWN) for was in others])}, and "
            f"this machine would go on with {now}; a study has one arithmetic: finish it where it "
            "was begun, take another folder with --out, or go on with --mix-arithmetic, which its "
            "report will say."
        )
        raise PlanError(msg)


def mixture(folder: Path) -> str:
    """Return what to say of a study whose runs differ in their arithmetic; "" where they do not."""
    there = recorded(folder)
    if len(there) < 2:
        return ""
    parts = [f"{n} with {was or _UNKNOWN}" for was, n in there.most_common()]
    return (
        f"Mixed arithmetic: of {there.total()} runs {listed(parts)}. Differences between arms may "
        "come from that."
    )
