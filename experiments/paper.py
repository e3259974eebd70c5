"""How well are digits on paper found and read, in which light and ink? For docs/reading.md.

    python experiments/paper.py runs/four-nine-documented --pages 6  (a few minutes)

Renders pages of MNIST's test digits under every condition of `pages.py`, finds and reads their
digits with all seeds of the study's baseline, and writes the part of the page that is its own,
`docs/results/reading.json` and the pictures that the page shows.
"""

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pages import CONDITIONS, Condition, Page, render
from reading_steps import steps_figure
from scipy.stats import binomtest
from shared import DOCS, asked, table, write_block

from misread.data.mnist import load_mnist
from misread.files import write_atomic, write_json
from misread.images.page import Page as Detected
from misread.images.page import find_digits
from misread.show.figures.photo import page_figure
from misread.show.style import png
from misread.study.photos import UNSURE, Readers, read_images, readers_of, readings_of

OVERLAP = 0.5  # of a found and a true box, over their union (IoU): then the digit is found
EXAMPLE, EXAMPLE_PAGE = "photo", 3
COUNTED = ("found", "false", "found_and_right", "unsure", "unsure_and_wrong", "false_and_sure")


def main() -> None:
    """Measure, and write what was measured."""
    options = asked(__doc__, folders=True, pages=6)
    (study,) = options.folders
    readers = readers_of(study)
    rows = [measure(name, kind, options.pages, readers) for name, kind in CONDITIONS.items()]
    rows.sort(key=lambda row: row["found_and_right"] / row["digits"])
    measured = {
        "study": study.name,
        "seeds": list(readers.seeds),
        "pages": options.pages,
        "unsure_below": UNSURE,
        "conditions": rows,
    }
    write_json(DOCS / "results" / "reading.json", measured)
    write_block(DOCS / "reading.md", written(measured))
    draw(readers)


def matched(page: Page, detected: Detected) -> dict[int, int]:
    """Return which digit of the page each found one is: by the overlap of their boxes, one to one.

    Found digits that are none of the page's are left out: they are false.
    """
    pairs: dict[int, int] = {}
    for n, digit in enumerate(detected.digits):
        shares_N = overlaps(digit.box, page.boxes_N4)
        best = int(shares_N.argmax())
        if shares_N[best] >= OVERLAP and best not in pairs.values():
            pairs[n] = best
    return pairs


def overlaps(
    box: tuple[int, int, int, int], boxes_N4: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the share that a box has in common with each of several, of their union."""
    low = np.maximum(box[:2], boxes_N4[:, :2])
    high = np.minimum(np.add(box[:2], box[2:]), boxes_N4[:, :2] + boxes_N4[:, 2:])
    common_N = np.maximum(0, high - low).prod(axis=1)
    shares_N: npt.NDArray[np.float64] = common_N / (
        box[2] * box[3] + boxes_N4[:, 2:].prod(axis=1) - common_N
    )
    return shares_N


def measure(name: str, condition: Condition, n_pages: int, readers: Readers) -> dict[str, Any]:
    """Return what was found and read on pages of a condition, as counts."""
    test = load_mnist()[1]
    pages = [render(condition, number) for number in range(n_pages)]
    began = time.process_time()
    detected = [find_digits(page.photo) for page in pages]
    seconds = time.process_time() - began
    probs_SNK = read_images(readers, np.concatenate([one.images for one in detected]))
    original_SNK = read_images(readers, test.images[np.concatenate([p.ids_N for p in pages])])
    labels_N = np.concatenate([page.labels_N for page in pages])
    counts = dict.fromkeys(COUNTED, 0)
    ends = np.cumsum([len(one.digits) for one in detected])[:-1]
    for page, one, of_page in zip(pages, detected, np.split(probs_SNK, ends, axis=1), strict=True):
        pairs = matched(page, one)
        counts["found"] += len(pairs)
        counts["false"] += len(one.digits) - len(pairs)
        for n, reading in enumerate(readings_of(one, of_page, readers.class_names)):
            if n not in pairs:
                counts["false_and_sure"] += not reading.unsure
                continue
            right = reading.reading == readers.class_names[page.labels_N[pairs[n]]]
            counts["found_and_right"] += right
            counts["unsure"] += reading.unsure
            counts["unsure_and_wrong"] += reading.unsure and not right
    row = {
        "name": name,
        "condition": condition.words,
        "digits": len(labels_N),
        **counts,
        "original_right": int((original_SNK.mean(axis=0).argmax(axis=1) == labels_N).sum()),
        "seconds_per_page": round(seconds / n_pages, 1),
    }
    print(row)
    return row


def share(k: int, n: int) -> str:
    """Return k of n as a share with its Wilson interval."""
    if not n:
        return "–"
    interval = binomtest(k, n).proportion_ci(method="wilson")
    return f"{k / n:.1%} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def written(measured: dict[str, Any]) -> str:
    """Return the part of the page."""
    rows, n_pages = measured["conditions"], measured["pages"]
    sums = {key: sum(row[key] for row in rows) for key in (*COUNTED, "digits")}
    wrong = sums["found"] - sums["found_and_right"]
    missed = share(wrong - sums["unsure_and_wrong"], sums["found"] - sums["unsure"])
    heads = ("Condition", "Digits found", "False finds a page", "Of those found, read right",
             "Found and read right", "As in MNIST")  # fmt: skip
    cells = [
        (
            row["condition"],
            share(row["found"], row["digits"]),
            f"{row['false'] / n_pages:.1f}",
            share(row["found_and_right"], row["found"]),
            f"{row['found_and_right'] / row['digits']:.1%}",
            f"{row['original_right'] / row['digits']:.1%}",
        )
        for row in rows
    ]
    return f"""\
{n_pages} pages of each condition, {sums["digits"]:,} digits in all, read by the
{len(measured["seeds"])} models of {measured["study"]}, baseline; 95% intervals of Wilson, worst condition
first. The pages of all conditions show the same digits, as far as they fit. *As in MNIST*: these
digits read from the data set itself.

{table(heads, cells)}

Over all conditions {sums["unsure"] / sums["found"]:.1%} of the digits found are marked unsure,
among them {sums["unsure_and_wrong"]} of the {wrong} wrong readings; of the readings not marked,
{missed} are wrong. Of {sums["false"]} false finds {sums["false_and_sure"]} are not
marked.

The counts are in [reading.json](results/reading.json)."""  # noqa: E501  as the page has it


def draw(readers: Readers) -> None:
    """Draw the pictures of the page: an example read, its steps, and a page of each condition."""
    figures = DOCS / "figures"
    page = find_digits(render(CONDITIONS[EXAMPLE], EXAMPLE_PAGE).photo)
    readings = readings_of(page, read_images(readers, page.images), readers.class_names)
    title = f"Read by {len(readers.seeds)} models: {readers.folder.name}, {readers.arm}"
    jpeg(figures / "reading-page.jpg", png(page_figure("photo.jpg", page, readings, title)), 1000)
    jpeg(figures / "reading-steps.jpg", png(steps_figure("photo.jpg", page)), 2000)
    small = [cv2.resize(render(kind, 1).photo, (250, 350)) for kind in CONDITIONS.values()]
    small += [np.full_like(small[0], 255)] * (-len(small) % 10)
    sheet = np.vstack([np.hstack(small[start : start + 10]) for start in range(0, len(small), 10)])
    content = cv2.imencode(".png", np.ascontiguousarray(sheet[..., ::-1]))[1].tobytes()
    jpeg(figures / "reading-conditions.jpg", content, 2000)


def jpeg(path: Path, content: bytes, width: int) -> None:
    """Write a picture as a small JPEG of at most this width: photos make large PNGs."""
    image: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    scale = min(1.0, width / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    write_atomic(path, cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())


if __name__ == "__main__":
    main()
