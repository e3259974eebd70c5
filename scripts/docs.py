"""Build the documentation site: `make docs`, then open site/index.html.

Its pages are README.md and its neighbours, everything in docs/, and one page per module from its
docstrings. They are gathered in build/docs/ under the same paths as in the repository, so that a
link that works there works here too; MkDocs then makes the site as mkdocs.yml says. A warning, such
as a link to nowhere, is an error.
"""

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from reference import module_map, modules, summary

PROJECT = Path(__file__).resolve().parent.parent

# Pages outside docs/ that come along.
ROOTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "src/misread/data/mnist/SOURCES.md")
# The menu: which pages come first in its parts. Any other page finds its place alone: below the
# name of its folder, or else in the guide.
GUIDE = ("docs/judge.md", "docs/method.md", "docs/power.md", "docs/calibration.md")
WORK = (
    "docs/PRD.md",
    "docs/PLANNING.md",
    "docs/TASKS.md",
    "docs/decisions.md",
    "docs/log.md",
    "docs/benchmarks.md",
)
CLI = "docs/cli.md"
API = "docs/api"
DETAILED = ("judge", "data", "learn", "show")  # first in the reference, in this order

FENCE = re.compile(r"^ *(`{3,}|~{3,}).*?^ *\1[`~]* *$", re.DOTALL | re.MULTILINE)
LINK = re.compile(
    r"\]\(([^)\s#:]+)"
)  # the path of a link or picture; with a colon it is an address

API_HEAD = """# Python reference

Most readers need `judge` (or `judge_predictions`) and its `Verdict`; [Judging any
classifier](../judge.md) shows them at work. Modules stand in the order of imports: each uses only
those above it. Array names carry their axes (`preds_SN`: S seeds × N images), numbers their unit.

"""


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Return a page with everything changed but its blocks of code."""
    parts, end = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


def gather(project: Path, pages: Path) -> None:
    """Copy docs/, the pages beside it and what they link to; a link to a module goes to its page.

    Parameters
    ----------
    project
        The root of the repository.
    pages
        The folder to fill; it must not exist.
    """
    shutil.copytree(project / "docs", pages / "docs", ignore=shutil.ignore_patterns("site"))
    shutil.copytree(project / "docs" / "site", pages / "assets")
    for name in filter(lambda name: (project / name).exists(), ROOTS):
        (pages / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / name, pages / name)
    described = api_pages(project)
    for page in list(pages.rglob("*.md")):
        here = page.relative_to(pages).parent
        text = outside_fences(page.read_text("utf-8"), partial(_moved, described, here))
        page.write_text(text, "utf-8")
        for link in LINK.findall(text):
            path = os.path.normpath(here / link)
            if not path.startswith("..") and (project / path).is_file():
                (pages / path).parent.mkdir(parents=True, exist_ok=True)
                if not (pages / path).exists():
                    shutil.copyfile(project / path, pages / path)


def _moved(described: dict[str, str], here: Path, text: str) -> str:
    """Return text of a page in the folder `here`, with links to modules as links to their pages."""

    def moved(link: re.Match[str]) -> str:
        path = os.path.normpath(here / link[1])
        return f"]({os.path.relpath(described.get(path, path), here)}"

    return LINK.sub(moved, text)


def api_pages(project: Path) -> dict[str, str]:
    """Return the page of every module's path; the command line's modules share its own."""
    return {
        path: CLI if re.match(r"misread\.(cli|__main__)", name) else f"{API}/{name}.md"
        for path, name in modules(project).items()
    }


def write_api(project: Path, pages: Path) -> None:
    """Write a page per module, which mkdocstrings fills, and one that lists them."""
    described = api_pages(project)
    (pages / API).mkdir()
    for path, name in modules(project).items():
        if described[path] != CLI:
            body = f"# `{name}`\n\n::: {name}\n"
            if "\n__all__ = " in (project / path).read_text("utf-8") and path.endswith(
                "__init__.py"
            ):
                body += f"    options:\n      members: false\n\n{offers(project / path)}"
            (pages / described[path]).write_text(body, "utf-8")
    table = module_map(
        project, lambda path, name: f"[`{name}`]({os.path.relpath(described[path], API)})"
    )
    (pages / API / "index.md").write_text(API_HEAD + table, "utf-8")


def offers(package: Path) -> str:
    """Return what a package's `__all__` takes from its own modules, as a table."""
    rows = {}
    offered: tuple[str, ...] = ()
    for node in ast.parse(package.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            offered = ast.literal_eval(node.value)
        if isinstance(node, ast.ImportFrom) and node.module:
            file = package.with_name(node.module.rpartition(".")[2] + ".py")
            for name in (alias.name for alias in node.names):
                told = summary(file, name)  # a constant has none, and no place of its own
                link = f"[`{name}`][{node.module}.{name}]" if told else f"`{name}`"
                rows[name] = f"| {link} | {told} |\n"
    return "".join(["| name | what it is |\n| --- | --- |\n", *(rows[name] for name in offered)])


def menu(pages: Path) -> list[dict[str, Any]]:
    """Return MkDocs' `nav` of all pages that are there."""
    found = sorted(path.relative_to(pages).as_posix() for path in pages.rglob("*.md"))
    placed = {"README.md", CLI, *WORK, *ROOTS}
    guide, folders = [], dict[str, list[str]]()
    for name in found:
        folder = str(Path(name).parent)
        if folder == API or name in placed:
            continue
        if folder == "docs":
            guide.append(name)
        else:
            folders.setdefault(Path(folder).name.capitalize(), []).append(name)
    guide.sort(key=lambda name: (GUIDE.index(name) if name in GUIDE else len(GUIDE), name))
    work: list[Any] = [name for name in (*WORK, *ROOTS[1:-1]) if name in found]
    work += [{"Sources of MNIST": name} for name in ROOTS[-1:] if name in found]
    return [
        {"Home": "README.md"},
        {"Guide": guide},
        *({title: names} for title, names in folders.items()),
        {"Reference": [*([CLI] if CLI in found else ()), *_reference(found)]},
        {"Project": work},
    ]


def _reference(found: list[str]) -> list[Any]:
    """Return the menu of the modules' pages: the great packages, then all other modules."""
    parts: dict[str, list[dict[str, str]]] = {name: [] for name in (*DETAILED, "others")}
    for module in sorted(Path(name).stem for name in found if name.startswith(f"{API}/misread")):
        path = f"{API}/{module}.md"
        layer = module.partition(".")[2].partition(".")[0]
        parts[layer if layer in DETAILED else "others"].append(
            {module.removeprefix("misread."): path}
        )
    return [f"{API}/index.md", *({name: pages} for name, pages in parts.items() if pages)]


def build(project: Path, work: Path, site: Path) -> int:
    """Build the site of a project.

    Parameters
    ----------
    project
        The root of the repository.
    work
        A folder of ours: it is emptied and then holds the gathered pages.
    site
        Where the site is written; emptied by MkDocs.

    Returns
    -------
    int
        0, or MkDocs' exit code, whose output goes to the terminal.
    """
    shutil.rmtree(work, ignore_errors=True)
    pages = work / "pages"
    gather(project, pages)
    write_api(project, pages)
    settings = {
        "INHERIT": str(PROJECT / "mkdocs.yml"),
        "docs_dir": str(pages),
        "site_dir": str(site),
        "nav": menu(pages),
    }
    (work / "mkdocs.yml").write_text(json.dumps(settings, indent=1), "utf-8")  # JSON is YAML
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(  # noqa: S603  our own arguments, no shell
        [*command, "--config-file", str(work / "mkdocs.yml")],
        env=os.environ | {"PYTHONPATH": str(project / "src"), "NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )
    return done.returncode


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--out", type=Path, default=PROJECT / "site", help="folder of the site")
    site = parser.parse_args().out.resolve()
    code = build(PROJECT, PROJECT / "build" / "docs", site)
    if not code:
        print(f"Written: {site / 'index.html'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
