"""What a Markdown page says, for tests that hold it to the readings beside it."""

import re

from arrays import verdict_of
from misread import wording
from misread.wording import percent

BLOCK = re.compile(
    r"^<!-- misread report (\S+?)(?:: [^\n]*)? -->\n(.*?)^<!-- end of misread report -->$",
    re.DOTALL | re.MULTILINE,
)


def blocks(page):
    """Return what `misread report` wrote into a page, by the study's name."""
    return {name: text for name, text in BLOCK.findall(page) if text.strip()}


def rows_of(text, heads):
    """Return the rows of the first table that begins with these heads, as dicts."""
    table = text[text.index(f"| {heads} |") :].split("\n\n")[0].splitlines()
    names, _, *rows = [[cell.strip() for cell in line[2:-1].split(" | ")] for line in table]
    return [dict(zip(names, row, strict=True)) for row in rows]


def hold_target(text, read, cells, *, adaptive=False):
    """Assert that a block on a study with a target says what its readings give."""
    labels_N = read["labels"].astype(int)
    summary = {row["Arm"]: row for row in rows_of(text, "Arm | Accuracy")}
    seeds = iter(rows_of(text, "Arm | Cell"))
    for arm, row in summary.items():
        assert row["Accuracy"] == wording.percent((read[arm] == labels_N).mean())
        if arm == "baseline":
            continue
        verdict = verdict_of(
            labels_N,
            read["baseline"][: len(read[arm])],
            read[arm],
            cells=cells,
            class_names=range(10),
            groups_N=read.get("groups"),
        )
        assert f"- **{arm}**: " in text
        for cell in verdict.cells:
            changed = next(seeds)
            assert (changed["Arm"], changed["Cell"]) == (arm, cell.name)
            assert changed["After"] == ", ".join(map(str, cell.after_per_seed))
            if not adaptive:  # else the level is that of a look
                change = wording.interval(cell.effect, cell.n_images)
                assert f"({change}, {wording.p_value(cell.p_holm)})" in changed["Change a seed"]


def hold_claims(text, read, claims):
    """Assert that a block on a study of claims says what its readings give."""
    rows = {row["Arm"]: row for row in rows_of(text, "Arm | Network")}
    for arm, row in rows.items():
        accuracy = float(row["Accuracy ± sd"].split("%")[0])
        assert abs(accuracy - 100 * (read[arm] == read["labels"]).mean()) < 0.051
        assert row["On fit"] == percent(read[f"{arm} fit"].mean())
    assert [row["Claim"] for row in rows_of(text, "Claim | Verdict")] == [c.text for c in claims]
