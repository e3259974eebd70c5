"""What holds the house together: order of imports, weight of the door, words on every part."""

import ast
import doctest
import importlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SOURCE = PROJECT / "src"

# A module imports only from those before it. Within a package of this list the order is free, but
# there are no circles.
ORDER = (
    "errors",
    "seeds",
    "watch",
    "memory",
    "npz",
    "wording",
    "files",
    "store",
    "judge",
    "simulate",
    "images",
    "data",
    "readers",
    "workers",
    "learn",
    "explain",
    "study",
    "show",
    "testing",
    "view",
    "cli",
    "__main__",
)

# Keras and what it runs on take seconds to load: only these modules load them when imported …
HEAVY = {"keras", "tensorflow", "torch", "jax"}
TRAINERS = {
    "misread.learn.cnn_step",
    "misread.learn.engine",
    "misread.learn.gradients",
    "misread.learn.models",
    "misread.learn.reader",
    "misread.learn.train",
}
# … and only these inside a function: there it runs in a worker, which trains anyway.
WORKERS = {"misread.learn.work"}
MAX_LINES = 350


@dataclass(frozen=True)
class Import:
    """A module imported by another one, at which line, and whether on being imported itself."""

    name: str
    line: int
    at_once: bool


@dataclass(frozen=True)
class Module:
    """A module of the package, read but not imported."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def layer(self) -> str:
        """Its place in the order; the package itself has none."""
        return self.name.partition(".")[2].partition(".")[0]


def _name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Module]:
    paths = sorted((SOURCE / "misread").rglob("*.py"))
    found = [Module(_name_of(p), p, ast.parse(p.read_text("utf-8"), str(p))) for p in paths]
    return {module.name: module for module in found}


def _is_later(node: ast.AST) -> bool:
    """Whether what is inside waits: a function, or what only type checkers read."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def _walk(node: ast.AST, *, at_once: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        inner = at_once and not _is_later(child)
        yield child, inner
        yield from _walk(child, at_once=inner)


@cache
def imports(name: str) -> tuple[Import, ...]:
    """Every import of a module, also those inside functions; ours by the name of the module."""
    found = []
    for node, at_once in _walk(modules()[name].tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno} imports relatively; write it in full"
            source = node.module or ""
            submodules = {f"{source}.{alias.name}" for alias in node.names} & set(modules())
            names = sorted(submodules) or [source]
        else:
            continue
        found += [Import(imported, node.lineno, at_once) for imported in names]
    return tuple(found)


def ours(name: str) -> list[Import]:
    found = [item for item in imports(name) if item.name.partition(".")[0] == "misread"]
    missing = [f"{name}:{item.line} {item.name}" for item in found if item.name not in modules()]
    assert not missing, f"there is no such module: {missing}"
    return found


@cache
def loaded_with(name: str) -> frozenset[str]:
    """Top names of the packages of others that come with importing a module of ours."""
    seen: set[str] = set()
    foreign: set[str] = set()
    todo = [name]
    while todo:
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        parents = module.split(".")
        todo += [".".join(parents[:n]) for n in range(1, len(parents))]
        for item in imports(module):
            if item.at_once and item.name in modules():
                todo.append(item.name)
            elif item.at_once:
                foreign.add(item.name.partition(".")[0])
    return frozenset(foreign)


def test_every_module_has_its_place_in_the_order() -> None:
    layers = {module.layer for module in modules().values()} - {""}
    assert layers <= set(ORDER), f"give {sorted(layers - set(ORDER))} a place in ORDER"


def test_modules_import_only_from_those_before_them() -> None:
    wrong = [
        f"{name}:{item.line} imports {item.name}"
        for name, module in modules().items()
        for item in ours(name)
        if (layer := modules()[item.name].layer) != module.layer
        and layer  # the package itself imports nothing, so everyone may ask it for its version
        and (not module.layer or ORDER.index(layer) > ORDER.index(module.layer))
    ]
    assert not wrong, f"the order is {' → '.join(ORDER)}"


def test_there_are_no_circles() -> None:
    graph = {name: {item.name for item in ours(name)} - {name} for name in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports go in a circle: {' → '.join(error.args[1])}")


def test_only_the_trainers_load_keras() -> None:
    inside = [
        f"{name}:{item.line} imports {item.name}"
        for name in modules().keys() - TRAINERS - WORKERS
        for item in imports(name)
        if item.name.partition(".")[0] in HEAVY or item.name in TRAINERS
    ]
    assert not inside
    with_them = [name for name in modules().keys() - TRAINERS if loaded_with(name) & HEAVY]
    assert not with_them


def test_the_judge_needs_no_package_but_numbers() -> None:
    allowed = {"numpy", "scipy", "pydantic"} | sys.stdlib_module_names
    for name, module in modules().items():
        if module.layer == "judge":
            assert loaded_with(name) <= allowed, name


def test_judging_draws_nothing_unless_asked() -> None:
    assert "matplotlib" not in loaded_with("misread.cli.judge")


# --- the weight of the door -----------------------------------------------------------------------

HELP = """
from misread.cli import main
sys.argv = ["misread", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.mark.parametrize(
    "statement",
    ["import misread", "import misread.cli", HELP],
    ids=["import-misread", "import-misread-cli", "misread-help"],
)
def test_the_door_is_light(statement: str) -> None:
    code = f"import sys; there = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - there)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert loaded <= {"misread", "click"} | sys.stdlib_module_names


# --- words on every part --------------------------------------------------------------------------

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _public(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield f"{prefix}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body, f"{prefix}.{node.name}")


@cache
def public_parts() -> dict[str, Function | ast.ClassDef]:
    return {
        name: node
        for module in modules().values()
        for name, node in _public(module.tree.body, module.name)
    }


def _arguments(node: Function) -> list[ast.arg]:
    spec = node.args
    extra = [item for item in (spec.vararg, spec.kwarg) if item]
    return [
        item
        for item in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *extra)
        if item.arg not in {"self", "cls"}
    ]


def _documented(docstring: str) -> list[str]:
    """Names under the heading Parameters of a numpy docstring; none if there is no such heading."""
    _, heading, rest = docstring.partition("Parameters\n----------\n")
    if not heading:
        return []
    section = re.split(r"\n\n(?=\S.*\n-{3,})", rest)[0]
    lines = [line for line in section.splitlines() if line and not line[0].isspace()]
    return [name.strip(" *") for line in lines for name in line.partition(" : ")[0].split(",")]


def test_everything_public_has_a_docstring() -> None:
    empty = {name for name, module in modules().items() if not module.path.read_text().strip()}
    parts = {name: module.tree for name, module in modules().items() if name not in empty}
    bare = [name for name, node in (parts | public_parts()).items() if not ast.get_docstring(node)]
    assert not bare


def test_every_public_signature_is_annotated() -> None:
    bare = [
        f"{name}({argument.arg})"
        for name, node in public_parts().items()
        if isinstance(node, Function)
        for argument in _arguments(node)
        if argument.annotation is None
    ]
    bare += [
        f"{name} → ?"
        for name, node in public_parts().items()
        if isinstance(node, Function) and node.returns is None
    ]
    assert not bare


def test_a_list_of_parameters_is_the_true_one() -> None:
    wrong = []
    for name, node in public_parts().items():
        documented = _documented(ast.get_docstring(node) or "")
        makers = [m for m in getattr(node, "body", ()) if getattr(m, "name", "") == "__init__"]
        if isinstance(node, ast.ClassDef) and makers:
            actual = [argument.arg for argument in _arguments(makers[0])]
        elif isinstance(node, ast.ClassDef):
            stated = [item for item in node.body if isinstance(item, ast.AnnAssign)]
            fields = [it.target for it in stated if "ClassVar" not in ast.unparse(it.annotation)]
            named = [field.id for field in fields if isinstance(field, ast.Name)]
            actual = [name for name in named if not name.startswith("_")]
        else:
            actual = [argument.arg for argument in _arguments(node)]
        if documented and documented != actual:
            wrong.append(f"{name} has {actual}, but its docstring lists {documented}")
    assert not wrong, "\n".join(wrong)


def test_no_module_is_longer_than_a_sitting() -> None:
    lengths = {name: len(m.path.read_text("utf-8").splitlines()) for name, m in modules().items()}
    assert not {name: length for name, length in lengths.items() if length > MAX_LINES}


def _with_examples() -> list[str]:
    return [name for name, module in modules().items() if ">>>" in module.path.read_text("utf-8")]


@pytest.mark.parametrize("name", _with_examples())
def test_examples_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted
    assert not result.failed, f"see above: {result.failed} of {result.attempted} examples failed"


# --- the files beside the code --------------------------------------------------------------------


def _tracked() -> list[Path]:
    """Files of the repository, those not committed yet too; ignored ones not."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    if listing.returncode or not listing.stdout:
        pytest.skip("this is no git repository: there is no telling which files belong to it")
    paths = [PROJECT / os.fsdecode(name) for name in listing.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def test_every_exception_to_the_linter_has_its_reason() -> None:
    text = (PROJECT / "pyproject.toml").read_text("utf-8")
    section = text.partition("[tool.ruff.lint]")[2].partition("[tool.ruff.lint.pydocstyle]")[0]
    lists = section.partition("ignore = [")[2].splitlines()
    rules = [line.strip() for line in lists if re.search(r'"[A-Z]+\d*"', line)]
    silent = [line for line in rules if "# " not in line]
    assert not silent
    settings = tomllib.loads(text)["tool"]["ruff"]["lint"]
    count = len(settings["ignore"]) + sum(map(len, settings["per-file-ignores"].values()))
    assert len(re.findall(r'"[A-Z]+\d*"', " ".join(rules))) == count, "some were not looked at"


def test_no_file_names_a_package_registry() -> None:
    # In pieces, so that this file does not name one either.
    dot, dash = ".", "-"
    hosts = [
        f"pypi{dot}org",
        f"pypi{dot}python",
        f"python{'hosted'}{dot}org",
        f"npmjs{dot}",
        f"debian{dot}org",
        f"ubuntu{dot}com",
        f"anaconda{dot}",
    ]
    settings = [f"index{dash}url", f"find{dash}links", f"tool{dot}uv{dot}index"]
    pattern = re.compile("|".join(map(re.escape, hosts + settings)).encode(), re.IGNORECASE)
    found = {
        str(path.relative_to(PROJECT)): match.group().decode()
        for path in _tracked()
        if (match := pattern.search(path.read_bytes()))
    }
    assert not found


def test_the_lock_file_stays_out() -> None:
    assert PROJECT / "uv.lock" not in _tracked()


def test_every_version_is_fixed() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    exact = {item.partition("==")[0] for item in project["tool"]["uv"]["constraint-dependencies"]}
    groups = [*project["dependency-groups"].values()]
    groups += project["project"]["optional-dependencies"].values()
    asked = sum(groups, project["project"]["dependencies"])
    names = {re.split(r"[<>=!~;\[ ]", item)[0].lower() for item in asked}
    assert names - {"misread"} <= exact, "run `make lock`"
