"""Refusal of paths and links that lead out of the folder of a live page."""

import os
from pathlib import Path

from misread.errors import StudyError


def refuse_outside(folder: Path, path: Path) -> None:
    """Refuse, by a StudyError, a path that leads out of its folder, as a link may."""
    if not path.resolve().is_relative_to(folder.resolve()):
        msg = f"{path} leads out of {folder}, which is all that is read; put the file itself there."
        raise StudyError(msg)


def refuse_links_out(folder: Path) -> None:
    """Refuse, by a StudyError, a folder in which a link leads out of it."""
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            if path.is_symlink():
                refuse_outside(folder, path)
