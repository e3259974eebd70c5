"""Write what follows from the code: `python tools/generated.py`; `--check` writes nothing.

docs/cli.md: what `--help` of every command says. docs/PLANNING.md: a table of the modules, the
first sentence of each, in the order of imports. docs/verdict.schema.json: what `misread judge
--json` prints, described by the docstrings. docs/study.md and docs/study.schema.json: every setting
of a study's file. docs/*.md: below each `$ misread …` what it prints. docs/demo.html: the page of
`misread demo`.
"""

import argparse
import ast
import contextlib
import inspect
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema
from study_page import study_page

from misread.cli import main as command_line
from misread.files import readable_json
from misread.judge.verdict import Verdict
from misread.study.schema import study_schema
from misread.study.verdict import StudyVerdict

PROJECT = Path(__file__).resolve().parent.parent
AGAIN = "run python tools/generated.py"
BEGIN = "<!-- modules: written by tools/generated.py -->\n"
END = "<!-- end of modules -->\n"
CONSOLE = re.compile(r"(?<=```console\n)\$ misread.*?(?=```)", re.DOTALL)

CLI_HEAD = """# Command line

After this page you can find the option that you need: it is what `--help` says of every command,
written by `python tools/generated.py`. What to do with them: [Judging any classifier](judge.md),
[How many seeds and images](power.md), and the [README](../README.md) for studies.

Exit codes: 0 when the command did what it was asked, 1 where `--gate` says no, 2 for input that is
not usable (one sentence on standard error says what to do), 130 after Ctrl-C.
"""


# --- the command line -----------------------------------------------------------------------------


def misread(*arguments: str) -> tuple[str, int]:
    """Return what a command prints and its exit code; its environment has 80 columns."""
    run = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})
    done = run.invoke(command_line, arguments, prog_name="misread")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return "\n".join(line.rstrip() for line in done.output.splitlines()), done.exit_code


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the full name of a command and of all below it, in the order of `--help`."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            _, below, _ = command.resolve_command(context, [name])
            if below is not None and not below.hidden:
                yield from commands(below, (*path, name))


def cli_page(_: str = "") -> str:
    """Return the page of the command line."""
    parts = [CLI_HEAD]
    for path in commands(command_line):
        text, code = misread(*path, "--help")
        name = " ".join(("misread", *path))
        if code:
            msg = f"{name} --help ended with {code}: {text}"
            raise RuntimeError(msg)
        lines = text.strip("\n")
        parts.append(f"## {name}\n\n```console\n$ {name} --help\n{lines}\n```\n")
    return "\n".join(parts)


def with_outputs(page: str) -> str:
    """Return a page with what its commands print now, as run from the project's root.

    ValueError if a block holds another command than `misread` and `echo $?`.
    """
    return CONSOLE.sub(lambda block: _run(block[0]), page)


def _run(block: str) -> str:
    """Return a block's commands, which may go on after a backslash, each with its output."""
    lines: list[str] = []
    code = 0
    for command in re.findall(r"^\$ (.*(?:\\\n.*)*)$", block, re.MULTILINE):
        name, *arguments = shlex.split(command.replace("\\\n", " "))
        if command == "echo $?":
            output = str(code)
        elif name == "misread":
            output, code = misread(*arguments)
        else:
            msg = f"{command}: only misread and echo $? can be run; write another kind of block."
            raise ValueError(msg)
        lines += [f"$ {command}", output]
    return "\n".join(lines) + "\n"


# --- modules --------------------------------------------------------------------------------------


def order(project: Path) -> tuple[str, ...]:
    """Return the order of imports, which the tests hold."""
    path = project / "tests" / "test_architecture.py"
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ORDER":
            names: tuple[str, ...] = ast.literal_eval(node.value)
            return names
    msg = f"{path} has no ORDER."
    raise LookupError(msg)


def modules(project: Path) -> dict[str, str]:
    """Return every module as path within the project → full name, in the order of imports."""
    places = {name: place for place, name in enumerate(order(project))}
    names = {}
    for path in (project / "src" / "misread").rglob("*.py"):
        parts = path.relative_to(project / "src").with_suffix("").parts
        if path.read_text("utf-8").strip():
            package = parts[:-1] if parts[-1] == "__init__" else parts
            names[path.relative_to(project).as_posix()] = ".".join(package)

    def place(item: tuple[str, str]) -> tuple[int, str]:
        layer = item[1].partition(".")[2].partition(".")[0]
        return (places[layer] if layer else -1, item[1])

    return dict(sorted(names.items(), key=place))


def summary(path: Path, name: str = "") -> str:
    """Return the first paragraph of a module's docstring, or of a part of it, as one line."""
    tree = ast.parse(path.read_text("utf-8"))
    kinds = ast.FunctionDef | ast.ClassDef
    parts = {node.name: node for node in tree.body if isinstance(node, kinds)}
    node = parts.get(name) if name else tree
    text = (ast.get_docstring(node) if node else None) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


def module_table(project: Path, link: Callable[[str, str], str]) -> str:
    """Return all modules with their first sentences as a Markdown table.

    `link` returns what names a module there, of its path and its name.
    """
    rows = [f"| {link(p, name)} | {summary(project / p)} |" for p, name in modules(project).items()]
    return "\n".join(["| module | what it is |", "| --- | --- |", *rows]) + "\n"


def with_modules(page: str) -> str:
    """Return docs/PLANNING.md with the table of the modules; LookupError without its markers."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        msg = f"docs/PLANNING.md does not hold {BEGIN.strip()} and {END.strip()} once each."
        raise LookupError(msg)
    table = module_table(PROJECT, lambda path, name: f"[`{name}`](../{path})")
    return re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n{table}\n{END}", page, flags=re.DOTALL)


# --- the schema -----------------------------------------------------------------------------------


def attributes(model: type) -> dict[str, str]:
    """Return what the section Attributes of a model's docstring says of each field.

    Names that share a line share the description, as in ``low, high : float``.
    """
    section = (inspect.getdoc(model) or "").partition("Attributes\n----------\n")[2]
    section = re.split(r"\n\n\S.*\n-{3,}", section)[0]
    lines_of: dict[str, list[str]] = {}
    names: list[str] = []
    for line in section.splitlines():
        if line and not line[0].isspace():
            names = [name.strip() for name in line.partition(" : ")[0].split(",")]
        for name in names:
            lines_of.setdefault(name, []).append(line.strip() if line[:1].isspace() else "")
    return {name: " ".join(filter(None, lines)) for name, lines in lines_of.items()}


class FromDocstrings(GenerateJsonSchema):
    """Pydantic's schema, with the descriptions of numpy docstrings; ValueError without one."""

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        """Return the schema of a pydantic model."""
        return self._described(super().model_schema(schema), schema["cls"])

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> dict[str, Any]:
        """Return the schema of a dataclass."""
        return self._described(super().dataclass_schema(schema), schema["cls"])

    @staticmethod
    def _described(content: dict[str, Any], model: type) -> dict[str, Any]:
        """Return a schema with its class's first paragraph, and every field described."""
        content["description"] = " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())
        unstated = {n for n, f in getattr(model, "model_fields", {}).items() if f.exclude_if}
        # all else that we write is never left out
        content["required"] = [name for name in content["properties"] if name not in unstated]
        descriptions = attributes(model)
        for name, field in content["properties"].items():
            if name not in descriptions:
                msg = f"{model.__name__}.{name} is not under Attributes; describe it there."
                raise ValueError(msg)
            field.pop("title", None)
            field["description"] = descriptions[name]
        return content


def schema(_: str = "") -> str:
    """Return the schema of a verdict, of one arm or of a study, as JSON."""
    content = TypeAdapter(Verdict | StudyVerdict).json_schema(
        mode="serialization", schema_generator=FromDocstrings
    )
    head = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "Verdict",
        "description": "What `misread judge --json` prints, or what a study's verdict.json holds.",
    }
    return readable_json(head | content).decode()


# --- all of it ------------------------------------------------------------------------------------


def demo_page(_: str = "") -> str:
    """Return the page of `misread demo`, which names its folder as a reader's would be."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        said, code = misread("demo")
        if code:
            raise RuntimeError(said)
        return Path("misread-demo", "demo.html").read_text("utf-8")


def generators(project: Path) -> dict[Path, Callable[[str], str]]:
    """Return every generated file with what makes its new text of the old one."""
    docs = project / "docs"
    makers: dict[Path, Callable[[str], str]] = {
        docs / "cli.md": cli_page,
        docs / "PLANNING.md": with_modules,
        docs / "verdict.schema.json": schema,
        docs / "study.md": lambda _: study_page(project),
        docs / "study.schema.json": lambda _: readable_json(study_schema()).decode(),
        docs / "demo.html": demo_page,
    }
    pages = [page for page in sorted(docs.glob("*.md")) if page not in makers]
    return makers | {p: with_outputs for p in pages if CONSOLE.search(p.read_text("utf-8"))}


@contextlib.contextmanager
def mirror(project: Path) -> Iterator[None]:
    """Work in a folder with all that commands read, so that what they draw goes nowhere."""
    with tempfile.TemporaryDirectory(prefix="docs-") as name, contextlib.chdir(name):
        Path("docs", "figures").mkdir(parents=True)
        for path in (project / "docs").iterdir():
            if path.name != "figures":
                Path("docs", path.name).symlink_to(path)
        yield


def main() -> int:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if out of date")
    check_only = parser.parse_args().check
    old = []
    with mirror(PROJECT) if check_only else contextlib.chdir(PROJECT):
        for path, make in generators(PROJECT).items():
            text = path.read_text("utf-8") if path.exists() else ""
            now = make(text)
            if now != text:
                old.append(path)
                if not check_only:
                    path.write_text(now, "utf-8")
    for path in old:
        print(f"{path}: {f'out of date; {AGAIN}' if check_only else 'written'}.")
    return 1 if old and check_only else 0


if __name__ == "__main__":
    sys.exit(main())
