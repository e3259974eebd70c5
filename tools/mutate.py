"""Break the package at places picked at random, and see whether its tests notice.

    python tools/mutate.py --seed 1 --places 60

A comparison, a sign, a constant or a branch is changed in a copy of the project, package by package
in turn, and the tests that concern the module run there until one fails: first the file of its
name, then those that import it, then those that import what imports it. Each answer is a line of
`runs/mutate-SEED.jsonl`; what is answered there is not tried again. A number that only places
something in a drawing has no wrong value, so numbers of drawings are left alone.
"""

import argparse
import ast
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
ENOUGH = 0.9  # of the places must be caught
MOST_FILES = 6  # of tests for one place
SECONDS = 900
LONG = ("test_wheel", "test_ray_cluster", "test_notebooks", "test_benchmarks", "test_generated")
PAIRS = ("Lt LtE", "Gt GtE", "Eq NotEq", "Is IsNot", "In NotIn", "Add Sub", "Mult Div", "And Or")
OTHER = {getattr(ast, a): getattr(ast, b) for p in PAIRS for a, b in (p.split(), p.split()[::-1])}
Place = tuple[str, int, int, int, str]  # module, line, its bytes, what stands there when broken


def broken(node: ast.AST, *, drawing: bool) -> tuple[ast.expr, str] | None:
    """Return an expression of the node, and what to put into its place, if there is something."""
    change: tuple[ast.expr, ast.expr] | None = None
    match node:
        case ast.BinOp(right=ast.Constant(value=str()) | ast.JoinedStr()):
            pass  # a path
        case ast.Compare(ops=[op]) if type(op) in OTHER:
            change = node, ast.Compare(node.left, [OTHER[type(op)]()], node.comparators)
        case ast.BinOp(op=op) if type(op) in OTHER and not drawing:
            change = node, ast.BinOp(node.left, OTHER[type(op)](), node.right)
        case ast.BoolOp(op=op):
            change = node, ast.BoolOp(OTHER[type(op)](), node.values)
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand) if not drawing:
            change = node, operand
        case ast.Constant(value=bool(value)):
            change = node, ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)) if not drawing:
            change = node, ast.Constant(value + 1 if isinstance(value, int) else value * 1.5)
        case ast.If(test=test) | ast.IfExp(test=test):
            change = test, ast.Constant(value=False)
    return change and (change[0], f"({ast.unparse(change[1])})")


def nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs: no annotations, decorators or texts with values in them."""
    if isinstance(node, ast.JoinedStr):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from nodes(child)


def places_of(path: Path) -> Iterator[Place]:
    """Yield every place of a module."""
    source = path.read_bytes()
    begins = [0, *accumulate(map(len, source.splitlines(keepends=True)))]
    drawing = path.parent.name == "figures" or path.name in ("draw.py", "style.py")
    for node in nodes(ast.parse(source)):
        if (change := broken(node, drawing=drawing)) is not None:
            old, after = change
            start = begins[old.lineno - 1] + old.col_offset
            end = begins[(old.end_lineno or 1) - 1] + (old.end_col_offset or 0)
            yield path.relative_to(PROJECT).as_posix(), old.lineno, start, end, after


def picked(seed: int, n_places: int) -> list[Place]:
    """Return places of every package in turn, at random within it; more places only add to them."""
    rng, packages = random.Random(seed), dict[str, list[Place]]()  # noqa: S311
    for path in sorted((PROJECT / "src/misread").rglob("*.py")):
        parts = path.relative_to(PROJECT / "src/misread").parts
        packages.setdefault(parts[0] if parts[1:] else "", []).extend(places_of(path))
    for places in packages.values():
        rng.shuffle(places)
    return [place for turn in zip(*packages.values(), strict=False) for place in turn][:n_places]


def imported(path: Path) -> set[str]:
    """Return the names that a file imports, with dots; the command line stands for its commands."""
    walked = ast.walk(ast.parse(path.read_text("utf-8")))
    froms = [node for node in walked if isinstance(node, ast.ImportFrom)]
    names = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    if {"misread.cli.main", "commands.misread"} & names:
        names |= {f"misread.cli.{path.stem}" for path in (PROJECT / "src/misread/cli").glob("*.py")}
    return names | {str(node.module) for node in froms}


def concerned(module: str) -> list[str]:
    """Return the files of tests that concern a module, the nearest first."""
    src, stem = PROJECT / "src", f"test_{Path(module).stem}"
    dotted = {p: ".".join(p.relative_to(src).with_suffix("").parts) for p in src.rglob("*.py")}
    files = {p: imported(p) for p in [*dotted, *(PROJECT / "tests").rglob("*.py")]}
    reached = {dotted[PROJECT / module].removesuffix(".__init__")}
    near = {path: 0 for path in files if path.stem == stem}
    for distance in range(1, 4):
        users = {path for path, names in files.items() if names & reached}
        for path in users:
            if path.name.startswith("test_") and not path.stem.startswith(LONG):
                near.setdefault(path, distance + (path.parent.name != Path(module).parent.name))
        reached |= {dotted.get(path, path.stem).removesuffix(".__init__") for path in users}
    order = sorted(near, key=lambda path: (near[path], path.parent.name, path.name))
    return [path.relative_to(PROJECT).as_posix() for path in order[:MOST_FILES]]


def answer(place: Place, copy: Path) -> dict[str, Any]:
    """Break a place in the copy, run its tests, and mend it again."""
    module, _, start, end, after = place
    source, files = (copy / module).read_bytes(), concerned(module)
    (copy / module).write_bytes(source[:start] + after.encode() + source[end:])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([f"{copy}/src", f"{copy}/tests"])}
    command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", "--tb=no", *files]
    options: Any = {"cwd": copy, "env": environment, "capture_output": True, "text": True}
    try:
        done = subprocess.run(command, timeout=SECONDS, check=False, **options)  # noqa: S603
        caught, said = done.returncode != 0, done.stdout.splitlines()
    except subprocess.TimeoutExpired:
        caught, said = True, ["FAILED: it never ends"]
    (copy / module).write_bytes(source)
    by = next((line for line in said if line.startswith(("FAILED", "ERROR"))), "")
    return {"place": place, "before": source[start:end].decode(), "caught": caught, "by": by}


def main() -> int:
    """Break what is not broken yet; return 1 where too much was not noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--places", type=int, default=60)
    given = parser.parse_args()
    (PROJECT / "runs").mkdir(exist_ok=True)
    (log := PROJECT / "runs" / f"mutate-{given.seed}.jsonl").touch()
    answers = {tuple(one["place"]): one for one in map(json.loads, log.read_text().splitlines())}
    places = picked(given.seed, given.places)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "-q", str(PROJECT), folder], check=True)  # noqa: S603, S607
        for place in (place for place in places if place not in answers):
            one = answers[place] = answer(place, Path(folder))
            with log.open("a") as file:
                file.write(json.dumps(one) + "\n")
            print("caught  " if one["caught"] else "survived", *place[:2], flush=True)
    left = [answers[place] for place in places if not answers[place]["caught"]]
    for one in left:
        print(f"{one['place'][0]}:{one['place'][1]}: {one['before']} became {one['place'][4]}")
    share = 1 - len(left) / len(places)
    print(f"{len(places) - len(left)} of {len(places)} broken places were caught ({share:.0%}).")
    return int(share < ENOUGH)


if __name__ == "__main__":
    sys.exit(main())
