"""Write below each `$ misread …` in docs/*.md what it prints: `python scripts/outputs.py`.

With `--check` it exits with 1 where a page is out of date. `$ echo $?` shows the last exit code.
"""

import re
import shlex
import sys
from pathlib import Path

from click.testing import CliRunner

from misread.cli import main as misread

PROJECT = Path(__file__).resolve().parent.parent
PAGES = [  # docs/cli.md is made by scripts/reference.py
    page
    for page in sorted((PROJECT / "docs").glob("*.md"))
    if "```console\n$ misread" in page.read_text("utf-8") and page.name != "cli.md"
]


def filled(page: str) -> str:
    """Return a page with the outputs that its commands have now; run in the project's root."""
    blocks = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
    return blocks.sub(lambda block: _run(block[0]), page)


def _run(block: str) -> str:
    """Return a block's commands, which may go on after a backslash, each with its output."""
    lines: list[str] = []
    code = 0
    for command in re.findall(r"^\$ (.*(?:\\\n.*)*)$", block, re.MULTILINE):
        lines.append(f"$ {command}")
        if command == "echo $?":
            lines.append(str(code))
            continue
        name, *arguments = shlex.split(command.replace("\\\n", " "))
        if name != "misread":
            msg = f"{command}: only misread and echo $? can be run; write another kind of block."
            raise ValueError(msg)
        done = CliRunner(env={"COLUMNS": "80"}).invoke(misread, arguments)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        code = done.exit_code
        lines += [line.rstrip() for line in done.output.splitlines()]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the pages, or check them."""
    old = []
    for path in PAGES:
        page = path.read_text("utf-8")
        now = filled(page)
        if now == page:
            continue
        old.append(path)
        if "--check" not in sys.argv[1:]:
            path.write_text(now, "utf-8")
            print(f"Written: {path}")
    if old and "--check" in sys.argv[1:]:
        told = ", ".join(path.name for path in old)
        print(f"Out of date: {told}; run python scripts/outputs.py.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
