"""What the commands share."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool) -> "Console":
    """Return a console on standard output or standard error."""
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=False)


def study_folder(source: str) -> Path | None:
    """Return the folder where `source` is one, or is the name of a study that ran here."""
    from misread.study import builtin_studies

    if Path(source).is_dir() and not list(Path(source).glob("seed_*")):  # those are readings
        return Path(source)
    return Path("runs") / source if source in builtin_studies() else None
