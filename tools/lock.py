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

import difflib
import json
import os
import re
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


def run_uv(*arguments: str, cwd: Path) -> str:
    """Run uv in a folder and return what it prints; end with what it says where it fails."""
    done = subprocess.run(  # noqa: S603  our own arguments, no shell
        [os.environ.get("UV") or "uv", *arguments, "--python", sys.executable],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name not in FOREIGN},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"lock: `uv {' '.join(arguments)}` failed:\n{done.stderr.strip()}")
    return done.stdout


def with_constraints(text: str, constraints: list[str]) -> str:
    """Return the text of a pyproject.toml with its list of exact versions replaced."""
    if len(BLOCK.findall(text)) != 1:
        sys.exit(
            f"lock: pyproject.toml does not hold one pair of the lines {BEGIN!r} and {END!r}; "
            "put them back under [tool.uv]."
        )
    lines = [f"    {json.dumps(item, ensure_ascii=False)},\n" for item in constraints]
    block = f"{BEGIN}\nconstraint-dependencies = [\n{''.join(lines)}]\n{END}\n"
    return BLOCK.sub(lambda _: block, text)


def resolve(text: str) -> list[str]:
    """Return `name==version` of every package that the text of a pyproject.toml needs, sorted.

    With a marker where needed, and without the project itself.
    """
    with tempfile.TemporaryDirectory(prefix="lock-") as folder:
        cwd = Path(folder)
        (cwd / "pyproject.toml").write_text(text, "utf-8")
        run_uv("lock", cwd=cwd)
        options = ("--frozen", "--all-groups", "--all-extras", "--no-emit-project")
        plain = ("--no-hashes", "--no-header", "--no-annotate")
        exported = run_uv("export", *options, *plain, cwd=cwd)
    return sorted(line.strip() for line in exported.splitlines() if line.strip())


def main() -> None:
    """Upgrade all versions, and say which changed."""
    path = PROJECT / "pyproject.toml"
    old = path.read_text("utf-8")
    packages = resolve(with_constraints(old, []))
    if loose := [item for item in packages if not EXACT.match(item)]:
        sys.exit(f"lock: these have no version that could be fixed: {', '.join(loose)}")
    new = with_constraints(old, packages)
    tomllib.loads(new)
    if (again := resolve(new)) != packages:
        changes = "\n".join(difflib.unified_diff(packages, again, "first", "again", lineterm=""))
        sys.exit(f"lock: resolving again under the new list gives other versions:\n{changes}")
    if old == new:
        print("Every version is the newest that fits; pyproject.toml stays as it is.")
        return
    changed = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    print("\n".join(line for line in changed if re.match(r'[+-] +"', line)))
    draft = path.with_name(".pyproject.toml.new")
    draft.write_text(new, "utf-8")
    draft.replace(path)
    print("pyproject.toml holds the new versions; `make test` before you commit them.")


if __name__ == "__main__":
    main()
