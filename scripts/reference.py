"""Write the pages that follow from the code: `python scripts/reference.py`.

docs/cli.md is what `--help` of every command says; the module map in docs/PLANNING.md is the first
sentence of every module, in the order of imports. With `--check` it exits with 1 where one of them
is out of date.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from click.testing import CliRunner

PROJECT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- modules: written by scripts/reference.py -->\n"
END = "<!-- end of modules -->\n"

CLI_HEAD = """# Command line

What `--help` says of every command, written by `python scripts/reference.py`. What to do with them:
[Judging any classifier](judge.md), [How many seeds and images](power.md), and the
[README](../README.md) for studies.

Exit codes: 0 when the command did what it was asked, 1 where `--gate` says no, 2 for input that is
not usable (one sentence on standard error says what to do), 130 after Ctrl-C.
"""


def commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield a command and all below it with their full names, in the order of `--help`."""
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.commands[name]
            if not below.hidden:
                yield from commands(below, (*path, name))


def cli_page() -> str:
    """Return the page of the command line."""
    from misread.cli import main as misread  # noqa: PLC0415  the site's build does without

    parts = [CLI_HEAD]
    for path, _ in commands(misread, ("misread",)):
        run = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})
        done = run.invoke(misread, [*path[1:], "--help"], prog_name="misread")
        if done.exit_code:
            msg = f"{' '.join(path)} --help ended with {done.exit_code}: {done.output}"
            raise RuntimeError(msg)
        name = " ".join(path)
        lines = "\n".join(line.rstrip() for line in done.output.strip("\n").splitlines())
        parts.append(f"## {name}\n\n```console\n$ {name} --help\n{lines}\n```\n")
    return "\n".join(parts)


def order(project: Path = PROJECT) -> tuple[str, ...]:
    """Return the order of imports, which the tests hold."""
    tree = ast.parse((project / "tests" / "contracts" / "test_architecture.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ORDER":
            names: tuple[str, ...] = ast.literal_eval(node.value)
            return names
    msg = "tests/contracts/test_architecture.py has no ORDER."
    raise LookupError(msg)


def modules(project: Path = PROJECT) -> dict[str, str]:
    """Return every module as path within the project → full name, in the order of imports."""
    places = {name: place for place, name in enumerate(order(project))}
    found = {}
    for path in (project / "src" / "misread").rglob("*.py"):
        parts = path.relative_to(project / "src").with_suffix("").parts
        names = parts[:-1] if parts[-1] == "__init__" else parts
        if path.read_text("utf-8").strip():
            found[path.relative_to(project).as_posix()] = ".".join(names)

    def place(item: tuple[str, str]) -> tuple[int, str]:
        layer = item[1].partition(".")[2].partition(".")[0]
        return (places[layer] if layer else -1, item[1])

    return dict(sorted(found.items(), key=place))


def summary(path: Path, name: str = "") -> str:
    """Return the first paragraph of a module's docstring, or of a part of it, as one line."""
    tree = ast.parse(path.read_text("utf-8"))
    parts = ast.FunctionDef | ast.ClassDef
    named = {node.name: node for node in tree.body if isinstance(node, parts)}
    node = named.get(name) if name else tree
    told = (ast.get_docstring(node) if node else None) or ""
    return " ".join(told.split("\n\n")[0].split()).replace("|", "\\|")


def module_map(project: Path, link: Callable[[str, str], str]) -> str:
    """Return all modules with their first sentences as a Markdown table.

    Parameters
    ----------
    project
        The root of the repository.
    link
        From a module's path and name to what names it in the table.
    """
    rows = [
        f"| {link(path, name)} | {summary(project / path)} |"
        for path, name in modules(project).items()
    ]
    return "\n".join(["| module | what it is |", "| --- | --- |", *rows]) + "\n"


def with_map(page: str, project: Path = PROJECT) -> str:
    """Return docs/PLANNING.md with the map of the modules as they are now.

    Raises
    ------
    LookupError
        If the page does not hold the two markers once each.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        msg = f"docs/PLANNING.md does not hold {BEGIN.strip()} and {END.strip()} once each."
        raise LookupError(msg)
    table = module_map(project, lambda path, name: f"[`{name}`](../{path})")
    block = f"{BEGIN}\n{table}\n{END}"
    return re.sub(f"{BEGIN}.*?{END}", lambda _: block, page, flags=re.DOTALL)


def main() -> int:
    """Write the pages, or check them."""
    cli, planning = PROJECT / "docs" / "cli.md", PROJECT / "docs" / "PLANNING.md"
    pages = {cli: cli_page(), planning: with_map(planning.read_text("utf-8"))}
    old = [p for p, text in pages.items() if not p.exists() or p.read_text("utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in old:
            print(f"{path} is out of date; run python scripts/reference.py.", file=sys.stderr)
        return 1 if old else 0
    for path in old:
        path.write_text(pages[path], "utf-8")
        print(f"Written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
