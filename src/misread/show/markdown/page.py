"""A Markdown page: sections between two marks, with figures and readings in a folder beside it.

    <!-- misread report four-nine -->             every section of the study in runs/four-nine
    <!-- misread report four-nine: summary -->    only those that are named, in this order
    <!-- end of misread report -->

A page that is not there yet gets its title and one pair of marks. A page may hold several pairs,
also of several studies; each study fills those of its name.
"""

import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from misread.errors import StoreError, StudyError
from misread.files import Arrays, arrays_to_bytes, write_atomic
from misread.show.study_figures import Drawn
from misread.show.table import plain

BEGIN, END = "<!-- misread {} -->", "<!-- end of misread {} -->"


@dataclass(frozen=True)
class Beside:
    """Files beside a page: `files` has the content of each by its name in the folder.

    `page` is the page as it was named, `folder` where the files go, `drawn` the study's figures.
    """

    page: Path
    folder: Path
    drawn: Mapping[str, Drawn]
    files: dict[str, bytes] = field(default_factory=dict)

    def figure(self, name: str) -> str:
        """Return the picture of one of the study's figures, its finding as the text; "" without."""
        if name not in self.drawn:
            return ""
        figure = self.drawn[name]
        return self.picture(f"{name}.png", figure.png, figure.title)

    def picture(self, name: str, content: bytes, title: str) -> str:
        """Return a picture, whose file goes beside the page."""
        return f"!{self.link(name, content, title)}"

    def link(self, name: str, content: bytes, title: str) -> str:
        """Return a link to a file that goes beside the page."""
        self.files[name] = content
        target = os.path.relpath(self.folder / name, self.page.parent)
        return f"[{plain(title)}]({quote(Path(target).as_posix())})"

    def readings(self, arrays: Arrays) -> tuple[str, str]:
        """Return the path of a file with these arrays, as commands name it, and a link to it."""
        name = f"{self.folder.name}-readings.npz"
        link = self.link(f"../{name}", arrays_to_bytes(arrays), name)
        return self.folder.with_name(name).as_posix(), link

    def command(self, folder: str) -> str:
        """Return the command that writes this page for the study in a folder."""
        usual = self.page.parent / Path(folder).name
        aside = "" if self.folder == usual else f" --figures {shlex.quote(self.folder.as_posix())}"
        page = shlex.quote(self.page.as_posix())
        return f"misread report {folder} --markdown {page}{aside}"


Section = Callable[[Beside], str]


@dataclass(frozen=True)
class Chapter:
    """A study as a page tells it: its folder's name, its title, and its sections by name.

    A section returns Markdown without a line at its end, or "" where there is nothing to say.
    `command` is the one that writes it, `exploratory` why it proves nothing, for the page's first
    place, whatever stands there.
    """

    name: str
    title: str
    sections: Mapping[str, Section]
    command: str = "report"
    exploratory: str = ""

    @property
    def marks(self) -> tuple[str, str]:
        """The marks between which all sections stand."""
        return BEGIN.format(f"{self.command} {self.name}"), END.format(self.command)


def write_page(chapter: Chapter, beside: Beside) -> list[Path]:
    """Write the sections of a study into a page, and what they name beside it; return all files.

    StudyError if the page is there and has no place for this study, or names a section that there
    is not; StoreError if it cannot be read or written.
    """
    text = page_of(chapter, beside)
    paths = [beside.page]
    for name, content in beside.files.items():
        paths.append(Path(os.path.normpath(beside.folder / name)))
        write_atomic(paths[-1], content)
    write_atomic(beside.page, text.encode())
    return paths


def page_of(chapter: Chapter, beside: Beside) -> str:
    """Return the page with the sections of a study; as `write_page`, and writes nothing."""
    begin, end = chapter.marks
    new = f"# {plain(chapter.title)}\n\n{begin}\n{end}\n"
    text = _text(beside.page) if beside.page.exists() else new
    some = re.escape(begin.removesuffix(" -->")) + "(?:: ([^\n]*?))? -->"
    inside = "(?:(?!^<!-- misread ).)*?"  # no other place
    places = re.compile(f"^{some}\n{inside}^{re.escape(end)}$", re.DOTALL | re.MULTILINE)
    why = chapter.exploratory
    warnings = [f"**Exploratory: {plain(why)}.**"] if why else []  # in the first place alone

    def filled(place: re.Match[str]) -> str:
        first, _, _ = place[0].partition("\n")
        warning = warnings.pop() if warnings else ""
        parts = (first, warning, _sections(chapter, beside, place[1]), end)
        return "\n\n".join(filter(None, parts))

    n_begun = len(re.findall(f"^{some}$", text, re.MULTILINE))
    text, n_places = places.subn(filled, text)
    if n_places == n_begun > 0:
        return text
    msg = (
        f"{beside.page} has no place for {chapter.name}; give the name of a new page, or write "
        f"these two lines where it is to go: {begin} and {end}"
    )
    if n_begun:
        msg = f"{beside.page} has a place for {chapter.name} without its end; write {end} after it."
    raise StudyError(msg)


def _text(path: Path) -> str:
    """Return the text of a page that is there."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        msg = f"{path} cannot be read: {reason}; give the name of a Markdown page."
        raise StoreError(msg) from None


def _sections(chapter: Chapter, beside: Beside, names: str | None) -> str:
    """Return the sections that a place names, or all that have something to say."""
    if names is None:
        return "\n\n".join(filter(None, (make(beside) for make in chapter.sections.values())))
    parts = []
    for name in (name.strip() for name in names.split(",")):
        if name not in chapter.sections:
            known = ", ".join(chapter.sections)
            msg = f"{beside.page} asks for the section {name!r}; there are {known}: correct it."
            raise StudyError(msg)
        parts.append(chapter.sections[name](beside))
        if not parts[-1]:
            msg = (
                f"{beside.page} asks for the section {name!r}, and {chapter.name} has nothing to "
                "say there; take it out of the page."
            )
            raise StudyError(msg)
    return "\n\n".join(parts)


# --- parts of a section ---------------------------------------------------------------------------


def bullets(lines: list[str]) -> str:
    """Return sentences as a list."""
    return "\n".join(f"- {line}" for line in lines)


def section(heading: str, *parts: str) -> str:
    """Return a section with its heading, of the parts that are not empty."""
    return "\n\n".join([f"## {heading}", *filter(None, parts)])
