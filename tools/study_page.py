"""The page of a study's settings, from the models; pictures of the operations."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from misread.data.mnist import load_mnist
from misread.images.operations import OPERATIONS
from misread.learn.recipe import RECIPES
from misread.study.schema import TABLES, rows_of

INTRO = """# Study files

After this page you can state anything that a study may be asked, in one TOML file. `python
tools/generated.py` writes the page from the models that check such files.

`misread init NAME` writes such a file with comments; `misread init NAME --data folder:pets --target
cat:dog` for your data, with `--trainer trainers:train` for [your own trainer](trainer.md). Editors
that check TOML by a schema take [study.schema.json](study.schema.json); with `--schema` it is
written beside the file, whose first line then names it.

```toml
title = "Fours read as nines"
dataset = "mnist"
seeds = [42, 123, 456]
target = "4:9"
arms = ["baseline", "strokes", "both"]

[policy]
name = "strokes"
true = ["dilate"]
predicted = ["erode"]
probability = 0.25
size_px = [2, 3]
```

All mistakes of a file are said at once. Relative paths in `dataset` and `trainer` begin at the
file's folder.
"""
AFTER = {
    "": "What may stand in `dataset`: [data from anywhere](data.md), or `misread data list`.",
    "[arms.NAME]": """Every other key is a setting of its recipe (below), in place of the one that
arms have in common; with a trainer of your own any key is allowed, and your trainer finds it in
`lesson.settings`.""",
    "[recipe]": "Of our trainer with Keras. By name: {recipes}; see [recipes](recipes.md).",
    "[policy]": """Operations are named below. Arms that a policy makes: the policy by its name, and
its controls `one-sided` (the true class alone), `swapped` (operations exchanged) and `both` (every
operation on both classes); with `-DOSE` at the end of the name for each of its doses.""",
}


def study_page(project: Path) -> str:
    """Return the page."""
    parts = [INTRO]
    for place, model in TABLES.items():
        parts.append(f"## `{place}`\n" if place else "## At the top\n")
        parts.append("| key | takes | default | is |\n|---|---|---|---|")
        for row in rows_of(model):
            about = re.sub(r"\s+", " ", row.about).replace("|", "\\|")
            takes = row.takes.replace("|", "\\|")
            parts.append(f"| `{row.key}` | {takes} | {row.default} | {about} |")
        if place in AFTER:
            parts.append(
                "\n" + AFTER[place].format(recipes=", ".join(f"`{name}`" for name in RECIPES))
            )
        parts.append("")
    parts.append("## Operations\n")
    parts.append("Each at 1, 2, 3 and 4 px, on a 4 and on a 9 of MNIST.\n")
    parts.append("| name | does | looks |\n|---|---|---|")
    for name, operation in OPERATIONS.items():
        first = (operation.__doc__ or "").strip().partition("\n\n")[0]
        does = re.sub(r"\s+", " ", first.partition("Parameters")[0])
        parts.append(f"| `{name}` | {does} | ![{name}](figures/operation-{name}.png) |")
        _draw(project / "docs" / "figures" / f"operation-{name}.png", name)
    return "\n".join(parts) + "\n"


def _draw(path: Path, name: str) -> None:
    """Write the picture of an operation, where it is not there."""
    if path.exists():
        return
    test = load_mnist()[1]
    digits = [int(np.flatnonzero(test.labels_N == label)[1]) for label in (4, 9)]
    tiles = [OPERATIONS[name](test.images[[n]], size)[0] for n in digits for size in (1, 2, 3, 4)]
    rows = np.hstack([np.pad(255 - tile, 1, constant_values=200) for tile in tiles])
    Image.fromarray(np.kron(rows, np.ones((2, 2), np.uint8))).save(path)
