"""Upgrade every package and write the exact versions into pyproject.toml: `make lock`.

The versions live in `[tool.uv] constraint-dependencies`, between two marker comments, one line for
each package of the whole environment: direct and transitive, of every supported Python version and
platform, with a marker where a version belongs to some of them only. `uv.lock` holds the address of
whichever registry this machine uses, so it stays out of git; the constraints alone make every
machine install the same versions.

The list depends on nothing but the declared dependencies and what the registry offers: the old list
and the old `uv.lock` are not read. What is written is tried before it is kept: a fresh resolution
under the new list must give exactly that list.
"""

import argparse
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BEGIN = "# >>> exact versions: `make lock` writes the lines up to the next marker"
END = "# <<< exact versions"
BLOCK = re.compile(f"^{re.escape(BEGIN)}\n.*?^{re.escape(END)}\n", re.DOTALL | re.MULTILINE)
EXACT = re.compile(r"[A-Za-z0-9._-]+==[^\s;]+( ;|$)")
# Values of a machine's environment that would change what is resolved.
FOREIGN = ("UV_CONSTRAINT", "UV_EXCLUDE_NEWER", "UV_OVERRIDE", "UV_PRERELEASE", "UV_RESOLUTION")


class LockError(Exception):
    """The versions could not be fixed; pyproject.toml is as it was."""


def find_uv() -> str:
    """Return the path of uv: `$UV` if set, else the one on PATH, else the one `make` brought."""
    brought = PROJECT / ".uv" / "bin" / "uv"
    uv = os.environ.get("UV") or shutil.which("uv") or (str(brought) if brought.exists() else None)
    if uv is None:
        msg = "uv is not on PATH; run `make lock`, which brings it."
        raise LockError(msg)
    return uv


def run_uv(uv: str, *arguments: str, cwd: Path) -> str:
    """Run uv in a folder and return what it prints; a `LockError` says how it failed."""
    done = subprocess.run(  # noqa: S603  our own arguments, no shell
        [uv, *arguments, "--python", sys.executable],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name not in FOREIGN},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        msg = f"`uv {' '.join(arguments)}` failed:\n{done.stderr.strip()}"
        raise LockError(msg)
    return done.stdout


def with_constraints(text: str, constraints: list[str]) -> str:
    """Return the text of a pyproject.toml with its list of exact versions replaced."""
    if len(BLOCK.findall(text)) != 1:
        msg = (
            f"pyproject.toml does not hold one pair of the lines {BEGIN!r} and {END!r}; "
            "put them back under [tool.uv]."
        )
        raise LockError(msg)
    lines = [f"    {json.dumps(item, ensure_ascii=False)},\n" for item in constraints]
    block = f"{BEGIN}\nconstraint-dependencies = [\n{''.join(lines)}]\n{END}\n"
    return BLOCK.sub(lambda _: block, text)


def resolve(uv: str, text: str) -> list[str]:
    """Resolve a project from nothing but the text of its pyproject.toml.

    Returns
    -------
    list of str
        `name==version`, with a marker where needed, of every package but the project; sorted.
    """
    with tempfile.TemporaryDirectory(prefix="lock-") as folder:
        cwd = Path(folder)
        (cwd / "pyproject.toml").write_text(text, "utf-8")
        run_uv(uv, "lock", cwd=cwd)
        options = ("--frozen", "--all-groups", "--all-extras", "--no-emit-project")
        plain = ("--no-hashes", "--no-header", "--no-annotate")
        exported = run_uv(uv, "export", *options, *plain, cwd=cwd)
    return sorted(line.strip() for line in exported.splitlines() if line.strip())


def lock(uv: str, old: str) -> str:
    """Return the text of pyproject.toml with all versions upgraded."""
    packages = resolve(uv, with_constraints(old, []))
    if loose := [item for item in packages if not EXACT.match(item)]:
        msg = f"these dependencies have no version that could be fixed: {', '.join(loose)}"
        raise LockError(msg)
    new = with_constraints(old, packages)
    tomllib.loads(new)
    if (again := resolve(uv, new)) != packages:
        changes = "\n".join(difflib.unified_diff(packages, again, "wanted", "found", lineterm=""))
        msg = f"resolving again under the new list gives other versions:\n{changes}"
        raise LockError(msg)
    return new


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    note = "write nothing; exit 1 if there is something newer"
    parser.add_argument("--check", action="store_true", help=note)
    check_only = parser.parse_args().check
    path = PROJECT / "pyproject.toml"
    old = path.read_text("utf-8")
    try:
        new = lock(find_uv(), old)
    except LockError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 2
    if old == new:
        print("Every version is the newest that fits; pyproject.toml stays as it is.")
        return 0
    changes = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    print("\n".join(line for line in changes if re.match(r'[+-] +"', line)))
    if check_only:
        return 1
    draft = path.with_name(".pyproject.toml.new")
    draft.write_text(new, "utf-8")
    draft.replace(path)
    print("pyproject.toml holds the new versions; `make test` before you commit them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
