"""Count the words of the docs that someone has written: `python tools/words.py`.

Left out are blocks of code and outputs, and what a command writes: whole pages, and parts between
`<!-- … -->` and `<!-- end of … -->`.
"""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
MOST = 25_000
WRITTEN = {f"docs/{name}.md" for name in ("benchmarks", "calibration", "cli", "study")}
LEFT_OUT = re.compile(
    r"^<!-- (?!end).*?<!-- end of [^\n]*-->|^ *```.*?^ *```", re.DOTALL | re.MULTILINE
)


def counts(project: Path = PROJECT) -> dict[str, int]:
    """Return the words of every page beside README.md and in docs/, by its path."""
    pages = {page.relative_to(project).as_posix(): page for page in project.glob("*.md")}
    pages |= {page.relative_to(project).as_posix(): page for page in project.glob("docs/**/*.md")}
    return {
        name: len(re.findall(r"\S*\w\S*", LEFT_OUT.sub("", page.read_text("utf-8"))))
        for name, page in pages.items()
        if name not in WRITTEN
    }


if __name__ == "__main__":
    of_page = counts()
    for name, n_words in sorted(of_page.items(), key=lambda item: -item[1]):
        print(f"{n_words:7,} {name}")
    print(f"{sum(of_page.values()):7,} in all; {MOST:,} are the most")
