"""A page as it is served: what was written, with a part that is live, and no script but ours."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from misread.errors import DataError, MisreadError, StudyError
from misread.show.inline import json_in_page
from misread.study.folder import finished_study
from misread.view.flags import Flags
from misread.view.inside import refuse_links_out
from misread.view.models import Models, models_in

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_DATA = re.compile(r'<script type="application/json" id="explore-data">(.*?)</script>', re.DOTALL)
_BEFORE = ('<section id="explore"', "</main>")  # the live part stands before one of them


@dataclass(frozen=True)
class Site:
    """A page with all that it asks for."""

    html: str  # with its live part
    scripts: tuple[str, ...]  # `sha256-…` of each script that may run in it
    flags: Flags  # answers about the labels of its images
    models: Models | None  # that read drawings and photos; None where nothing may


def site_of(source: str) -> Site:
    """Return what is served of a finished study, by its folder, name or file, or of a page.

    StudyError if there is no such study or page, or a link leads out of the folder; DataError if it
    is no page of ours, or of another version.
    """
    page = Path(source)
    if page.is_file() and page.suffix != ".toml":  # a study's file names its folder
        page = page.resolve()
        models, why = None, "A page alone has no models: to draw digits, name a study's folder."
        flags = page.with_suffix(".flags.csv")
    else:
        folder = finished_study(source)
        page, flags = folder / "report.html", folder / "flags.csv"
        refuse_links_out(folder)
        if not page.is_file():
            msg = f"{folder} has no page yet; type: misread report {folder}, once it has finished."
            raise StudyError(msg)
        models, why = None, ""
        try:
            models = models_in(folder)
        except MisreadError as error:
            why = f"Drawings cannot be read here: {str(error).rstrip('.')}."
    html = _text_of(page)
    data = _DATA.search(html)
    if data is None and models is None:
        msg = f"{page} has no images to click through and no models; name another page or study."
        raise DataError(msg)
    live = _live_part(flags.name, models, why, clickable=data is not None)
    before = next(mark for mark in _BEFORE if mark in html)
    html = html.replace(before, f"{live}\n{before}", 1)
    ids = _ids(page, data[1]) if data else frozenset()
    site = Site(html, tuple(map(_sha256, _SCRIPT.findall(html))), Flags(flags, ids), models)
    site.flags.read()  # else nothing could be flagged
    return site


def _text_of(page: Path) -> str:
    """Return a page of ours; its scripts are those of this version."""
    try:
        html = page.read_text("utf-8")
    except ValueError:
        html = ""
    ours = {_script("make.js").strip(), _script("explore.js").strip()}
    scripts = {text.strip() for text in _SCRIPT.findall(html)}
    if "misread</title>" not in html or "</main>" not in html:
        msg = f"{page} is no page that misread wrote; name a study's folder, or such a page."
        raise DataError(msg)
    if scripts - ours:
        msg = (
            f"{page} was written by another version of misread, and other scripts do not run here; "
            "make it again with `misread report` or `misread judge --html`."
        )
        raise DataError(msg)
    return html


def _script(name: str) -> str:
    """Return a script of the pages that misread writes."""
    return (resources.files("misread.show") / "templates" / name).read_text("utf-8")


def _live_part(flags: str, models: Models | None, why: str, *, clickable: bool) -> str:
    """Return the live part of a page, with what its script asks for."""
    folder = resources.files("misread.view")
    data = {
        "flags": flags if clickable else "",
        "why": why,
        "arms": [] if models is None else list(models.arms),
    }
    html = (folder / "live.html").read_text("utf-8")
    head = "Flag its labels" if models is None else "Try it yourself"
    html = html.replace("LIVE_HEAD", head)
    script = f"{_script('make.js')}\n{(folder / 'live.js').read_text('utf-8')}"
    return html.replace("LIVE_DATA", json_in_page(data)).replace("LIVE_SCRIPT", script)


def _ids(page: Path, text: str) -> frozenset[str]:
    try:
        parts = json.loads(text)["parts"]
        return frozenset(str(one) for it in parts for one in it.get("names") or it["ids"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        msg = f"{page} is damaged ({type(error).__name__}); make it again."
        raise DataError(msg) from None


def _sha256(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
