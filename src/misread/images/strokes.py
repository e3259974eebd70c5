"""Digits from ink: connected pieces, those that touch cut apart, those of one digit joined.

A digit is a group of pieces of about the size that most ink of the page has; specks, dashes and
what the edge cuts are none.
"""

import cv2
import numpy as np
import numpy.typing as npt

from misread.images.ink import Mask

Parts = npt.NDArray[np.int32]  # [H,W]: the number of each pixel's piece; 0 is paper
Members = tuple[int, ...]  # the pieces of a digit
Box = npt.NDArray[np.int64]  # [4]: left, top, right, bottom, the last two not included
Boxes = npt.NDArray[np.int64]  # [M,4]: of each piece


def lines_of(mask: Mask) -> tuple[Parts, list[list[tuple[Members, Box]]]]:
    """Return the pieces of a page, and its digits line by line in reading order.

    `mask` is 1 where there is ink. The pieces are the number of each pixel's, `int32 [H,W]`; the
    lines have the pieces and the box of each digit.
    """
    parts, boxes = _components(mask)
    typical = _typical((boxes[:, 2:] - boxes[:, :2])[_marks(parts.shape, boxes)])
    parts, boxes = _components(_cut_apart(mask, parts, boxes, typical))
    groups = _groups(parts, boxes, typical)
    return parts, [[(members, groups[members]) for members in line] for line in _lines(groups)]


def _components(mask: Mask) -> tuple[Parts, Boxes]:
    """Return the number of each pixel's connected piece, and the box of each piece; 0 is paper."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    boxes = stats[:, :4].astype(np.int64)
    boxes[:, 2:] += boxes[:, :2]
    return np.asarray(parts, np.int32), boxes


def _union(boxes: Boxes) -> Box:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _groups(parts: Parts, boxes: Boxes, typical: float) -> dict[Members, Box]:
    """Return the pieces of each digit, with its box, where digits are about `typical` px high."""
    areas = np.bincount(parts.ravel(), minlength=len(boxes))
    sizes = boxes[:, 2:] - boxes[:, :2]
    marks = _marks(parts.shape, boxes)
    marks = marks[(sizes[marks, 1] < 3 * typical) & (sizes[marks, 0] < 3.5 * typical)]
    marks = marks[sizes[marks].max(axis=1) > 0.1 * typical]
    groups = {}
    for members in _joined(marks, parts, boxes, areas, typical):
        box = _union(boxes[list(members)])
        wide, high = int(box[2] - box[0]), int(box[3] - box[1])
        if max(high, 0.8 * wide) > 0.45 * typical and wide < 2.2 * high:
            groups[members] = box
    return groups


def _marks(shape: tuple[int, ...], boxes: Boxes) -> npt.NDArray[np.int64]:
    """Return the pieces that are no edge of the photo or of the paper."""
    size = np.array(shape[::-1])
    sizes = boxes[:, 2:] - boxes[:, :2]
    cut = (boxes[:, :2] <= 1).any(axis=1) | (boxes[:, 2:] >= size - 1).any(axis=1)
    huge = (sizes > 0.75 * size).any(axis=1) & (len(boxes) > 2)
    usable = ~(cut | huge) & (sizes.max(axis=1) >= 5)
    usable[0] = False
    marks = np.flatnonzero(usable)
    # Among several marks what spans a third of the photo is an edge of the paper or a shadow.
    longest = sizes[marks].max(axis=1) / size.max()
    return marks[longest < 0.35] if ((longest > 0.015) & (longest < 0.35)).sum() >= 3 else marks


def _cut_apart(mask: Mask, parts: Parts, boxes: Boxes, typical: float) -> Mask:
    """Return the ink with digits that touch cut apart, where the least ink joins them."""
    apart = mask.copy()
    least = max(3, round(0.3 * typical))  # width of a part that is cut off
    for n in _marks(parts.shape, boxes).tolist():
        left, top, right, bottom = boxes[n].tolist()
        if not 0.6 * typical < bottom - top < 2 * typical or right - left > 8 * typical:
            continue
        piece = parts[top:bottom, left:right] == n
        profile = np.convolve(piece.sum(axis=0), np.ones(3) / 3, mode="same")
        todo = [(0, right - left)]
        while todo:
            first, last = todo.pop()
            if last - first < max(1.2 * typical, 1.15 * (bottom - top), 2 * least + 1):
                continue
            at = first + least + int(profile[first + least : last - least].argmin())
            if profile[at] < 0.3 * typical:
                apart[top:bottom, left + at][piece[:, at]] = 0
                todo += [(first, at), (at + 1, last)]
    return apart


def _typical(sizes: npt.NDArray[np.int64]) -> float:
    """Return the height that most ink has: specks are many but small, dashes long but thin."""
    if not len(sizes):
        return 0.0
    high = np.maximum(sizes[:, 1], 0.8 * sizes[:, 0])
    order = np.argsort(high)
    weight = np.cumsum(np.minimum(high, 4 * sizes.min(axis=1))[order] ** 2)
    return float(high[order][np.searchsorted(weight, weight[-1] / 2)])


def _joined(
    marks: npt.NDArray[np.int64],
    parts: Parts,
    boxes: Boxes,
    areas: npt.NDArray[np.int64],
    typical: float,
) -> list[Members]:
    """Join small pieces, as the bar of a 5, to the digit next to them."""
    groups = {int(n): [int(n)] for n in marks}
    reach = 0.22 * typical
    for piece in marks[np.argsort(areas[marks], kind="stable")].tolist():
        box = boxes[piece]
        best, nearest = None, reach
        for other, members in groups.items():
            if other == piece or areas[other] < areas[piece]:
                continue
            whole = _union(boxes[members])
            beside = box[0] >= whole[2] or box[2] <= whole[0]
            alone = box[3] - box[1] > 0.6 * typical or areas[other] < 1.5 * areas[piece]
            if beside and alone:  # a digit next to another one, as a 1
                continue
            gap = np.maximum(0, np.maximum(box[:2] - whole[2:], whole[:2] - box[2:])).max()
            both = _union(np.stack([box, whole]))
            fits = both[3] - both[1] < 1.4 * typical and both[2] - both[0] < 1.25 * typical
            if gap < nearest and fits:
                distance = _distance(parts, piece, members, both)
                if distance < nearest:
                    best, nearest = other, distance
        if best is not None and piece in groups:
            groups[best] += groups.pop(piece)
    return [tuple(sorted(members)) for members in groups.values()]


def _distance(parts: Parts, piece: int, others: list[int], box: Box) -> float:
    """Return the distance between a piece and others, in px."""
    left, top, right, bottom = box.tolist()
    window = parts[top:bottom, left:right]
    away = cv2.distanceTransform((~np.isin(window, others)).astype(np.uint8), cv2.DIST_L2, 5)
    return float(away[window == piece].min())


def _lines(groups: dict[Members, Box]) -> list[list[Members]]:
    """Return the digits line by line from above, and from left to right in each."""
    if not groups:
        return []
    heights = [box[3] - box[1] for box in groups.values()]
    reach = 0.6 * float(np.median(heights))
    lines: list[tuple[float, list[Members]]] = []
    for members in sorted(groups, key=lambda m: int(groups[m][1] + groups[m][3])):
        middle = float(groups[members][1] + groups[members][3]) / 2
        if lines and middle - lines[-1][0] < reach:
            before, line = lines[-1]
            lines[-1] = (before + (middle - before) / (len(line) + 1), [*line, members])
        else:
            lines.append((middle, [members]))
    return [sorted(line, key=lambda m: int(groups[m][0])) for _, line in lines]
