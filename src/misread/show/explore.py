"""Every misread image with every seed of every arm, for a page to click through."""

import io
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from misread import wording
from misread.images import Ids, Images
from misread.judge import Predictions
from misread.judge.classes import Cell
from misread.show.inline import inline, json_in_page
from misread.show.table import Table

Pictures = Callable[[str, Ids], Images | None]  # of a slice ("" for none), by place; None: unknown

MOST_IMAGES = 6000  # inside a page; beyond, those that most seeds misread
_MOST_OF_SLICE = 1000  # images that are inside only for how a slice is read
_MOST_CELLS = 2000
_MOST_ROWS = 20  # of the table without JavaScript
_ACROSS = 40  # tiles of a sprite's row
_LARGEST_PX, _SMALLEST_PX, _SPRITE_PX = 96, 40, 14_000_000  # of a photo's tile, of the sprite
_AS_IT_IS_PX = 64  # images up to this size are not made smaller
_NOT_READ = -1
_NONE = np.zeros(1, np.int64)


@dataclass(frozen=True)
class Explorable:
    """Readings to click through.

    `sides` are by arm, the baseline first; images, classes and slices are the same in each.
    `held` has for an arm the cells whose change against the baseline holds up over all cells,
    `maps` the images `map_ids` as `uint8 [M,H,W,3]`: what speaks for the target's true class.
    """

    sides: Mapping[str, Predictions]
    target: Cell | None = None  # the cell that is open first
    held: Mapping[str, Collection[Cell]] = field(default_factory=dict)
    noun: str = "group"  # what a group of images is
    pictures: Pictures = lambda _slice, _places: None
    maps: Mapping[str, Images] = field(default_factory=dict)
    map_ids: tuple[int, ...] = ()


def explore_of(it: Explorable) -> dict[str, Any] | None:
    """Return what `explore.html.j2` takes; None where no image is misread.

    `data` is JSON that is safe inside a page; `sprite` the address of all images as one picture, ""
    where there are none; `cells` a Table of the largest confusions; `size` a sentence on what is
    inside.
    """
    before, *_ = it.sides.values()
    parts = ["", *before.slices]
    sprite = _Sprite()
    encoded, within, n_misread = [], np.zeros(0, np.int64), 0
    for name in parts:
        sides = {arm: side.slices[name] if name else side for arm, side in it.sides.items()}
        first, *_ = sides.values()
        times_N = sum(_wrong(side).sum(axis=0) for side in sides.values())
        misread = np.flatnonzero(np.asarray(times_N))
        order = misread[np.argsort(-np.asarray(times_N)[misread], kind="stable")]
        places = np.sort(order[: _MOST_OF_SLICE if name else MOST_IMAGES])
        if name:
            also = np.flatnonzero(np.isin(first.image_ids, before.image_ids[within]))
            places = np.union1d(places, also)
        else:
            within, n_misread = places, misread.size
            if not misread.size:
                return None
        encoded.append(_part(name, sides, places, sprite.add(it.pictures(name, places)), it))
    data = {
        "classes": list(map(wording.cut, before.class_names)),
        "target": None if it.target is None else list(it.target),
        "group": it.noun,
        "arms": [
            {"name": wording.cut(arm), "seeds": _seeds(side)} for arm, side in it.sides.items()
        ],
        "held": [sorted(it.held.get(arm, ())) for arm in it.sides],
        "parts": encoded,
        "maps": {
            "ids": list(map(str, it.map_ids)),
            "arms": {wording.cut(arm): sprite.add(maps) for arm, maps in it.maps.items()},
        },
        "tile": sprite.tile,
    }
    text, picture = json_in_page(data), sprite.address()
    megabytes = wording.number((len(text) + len(picture)) / 1e6, decimals=1)
    left_out = n_misread - within.size
    some = f"; {left_out:,} more that few seeds misread are only counted" if left_out else ""
    return {
        "data": text,
        "sprite": picture,
        "cells": largest_cells(it.sides),
        "size": f"Inside are {within.size:,} of {wording.count(before.n_images, 'image')}: those "
        f"that some seed misreads{some} ({megabytes} MB).",
    }


def largest_cells(sides: Mapping[str, Predictions]) -> Table:
    """Return the largest confusions, with their images a seed in each arm."""
    counts = [_counts(side) for side in sides.values()]
    names = next(iter(sides.values())).class_names
    means = {
        cell: [float(of.get(cell, _NONE).mean()) for of in counts]
        for cell in set[Cell]().union(*counts)
    }
    leading = sorted(means, key=lambda cell: (-max(means[cell]), cell))[:_MOST_ROWS]
    rows = tuple(
        (f"{names[i]}→{names[j]}", *(wording.images(mean) for mean in means[i, j]))
        for i, j in leading
    )
    return Table("The largest confusions, in images a seed", ("Confusion", *sides), rows)


def _part(
    name: str,
    sides: Mapping[str, Predictions],
    places: Ids,
    first_tile: int | None,
    it: Explorable,
) -> dict[str, Any]:
    """Return one slice, or all images, as `explore.js` takes it."""
    side, *_ = sides.values()
    counts = [_counts(one) for one in sides.values()]
    largest = {
        cell: max(int(of.get(cell, _NONE).max()) for of in counts)
        for cell in set[Cell]().union(*counts)
    }
    always = {it.target, *(cell for cells in it.held.values() for cell in cells)}
    leading = sorted(largest, key=lambda cell: (cell not in always, -largest[cell], cell))
    cells = sorted(leading[:_MOST_CELLS])
    n_classes, ids = len(side.class_names), side.image_ids[places].tolist()
    return {
        "name": wording.cut(name),
        "n": side.n_images,
        "ids": [_text(value) for value in ids],
        "names": list(map(str, ids)) if any(_text(value) != value for value in ids) else None,
        "labels": side.labels_N[places].tolist(),
        "groups": None
        if side.groups is None
        else [_text(value) for value in side.groups[places].tolist()],
        "disputed": None
        if side.disputed_N is None
        else side.disputed_N[places].astype(int).tolist(),
        "tile": first_tile,
        "sizes": np.bincount(side.labels_N, minlength=n_classes).tolist(),
        "cells": [list(cell) for cell in cells],
        "cells_left_out": len(leading) - len(cells),
        "counts": [[of[cell].tolist() if cell in of else 0 for cell in cells] for of in counts],
        "as": [_read(one, places).T.tolist() for one in sides.values()],
        "sure": [
            None
            if one.sure_SN is None
            else np.rint(100 * one.sure_SN[:, places].T.astype(np.float64)).astype(int).tolist()
            for one in sides.values()
        ],
    }


def _text(value: Any) -> Any:
    return wording.cut(value) if isinstance(value, str) else value


def _seeds(side: Predictions) -> list[str]:
    names = side.seeds or tuple(str(row + 1) for row in range(side.n_seeds))
    return list(map(wording.cut, names))


def _read(side: Predictions, places: Ids) -> npt.NDArray[np.int64]:
    """Return what counts of a side's readings `[S,M]`; -1 where a seed has learnt the image."""
    preds_SM = side.preds_SN[:, places].astype(np.int64)
    if side.held_out_SN is None:
        return preds_SM
    return np.where(side.held_out_SN[:, places], preds_SM, _NOT_READ)


def _wrong(side: Predictions) -> npt.NDArray[np.bool_]:
    wrong_SN: npt.NDArray[np.bool_] = side.preds_SN != side.labels_N
    return wrong_SN if side.held_out_SN is None else wrong_SN & side.held_out_SN.astype(np.bool_)


def _counts(side: Predictions) -> dict[Cell, npt.NDArray[np.int64]]:
    """Return how many images of each confusion that occurs every seed has, `[S]`."""
    n_classes = len(side.class_names)
    seeds, images = np.nonzero(_wrong(side))
    keys = side.labels_N[images].astype(np.int64) * n_classes + side.preds_SN[seeds, images]
    cells, rows = np.unique(keys, return_inverse=True)
    counts_CS = np.zeros((cells.size, side.n_seeds), np.int64)
    np.add.at(counts_CS, (rows, seeds), 1)
    return {divmod(key, n_classes): row for key, row in zip(cells.tolist(), counts_CS, strict=True)}


class _Sprite:
    """All images of a page in one picture, 40 in a row; the first ones say how large a tile is."""

    def __init__(self) -> None:
        self._images, self._n, self._size = list[Images](), 0, (1, 1)

    def add(self, images: Images | None) -> int | None:
        """Take images, and return the number of the first one's tile; None where there are none."""
        if images is None:
            return None
        if not self._images:
            self._size = _tile_size(images)
        first = self._n
        self._images.append(_thumbnails(images, self._size))
        self._n += len(images)
        return first

    @property
    def tile(self) -> dict[str, int]:
        """The size of a tile in pixels."""
        return {"height": self._size[0], "width": self._size[1], "across": _ACROSS}

    def address(self) -> str:
        """Return the picture as the address of itself; photos as JPEG, all else as PNG."""
        if not self._images:
            return ""
        channels = max(1 if it.ndim == 3 else it.shape[3] for it in self._images)
        every = np.concatenate([_in_channels(it, channels) for it in self._images])
        return sprite_address(every)


def _tile_size(images: Images) -> tuple[int, int]:
    """Return height and width of a tile: photos are made smaller, and more so if they are many."""
    height, width = images.shape[1:3]
    longest = max(height, width)
    if longest <= _AS_IT_IS_PX:
        return height, width
    room_px = math.sqrt(_SPRITE_PX / max(len(images), 1))
    scale = min(max(room_px, _SMALLEST_PX), _LARGEST_PX, longest) / longest
    return max(1, round(height * scale)), max(1, round(width * scale))


def _thumbnails(images: Images, size: tuple[int, int]) -> Images:
    """Return images in the size of a tile, in one, three or four channels."""
    if images.ndim == 4 and images.shape[3] not in (3, 4):
        images = images[..., 0]
    if images.shape[1:3] == size or not len(images):
        return images
    return np.stack([np.asarray(Image.fromarray(one).resize(size[::-1])) for one in images])


def _in_channels(images: Images, channels: int) -> Images:
    """Return images as `[N,H,W]` for one channel, else with so many, opaque."""
    if channels == 1:
        return images
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=3)
    if images.shape[3] < channels:
        opaque = np.full((*images.shape[:3], 1), 255, np.uint8)
        images = np.concatenate([images, opaque], axis=3)
    return images


def sprite_address(images: Images) -> str:
    """Return images `[N,H,W]` or `[N,H,W,C]` as one picture, 40 in a row, that a page can hold."""
    n, height, width = images.shape[:3]
    rows = -(-n // _ACROSS)
    sheet = np.zeros((rows * height, _ACROSS * width, *images.shape[3:]), np.uint8)
    for place, image in enumerate(images):
        down, across = divmod(place, _ACROSS)
        sheet[down * height :, across * width :][:height, :width] = image
    file = io.BytesIO()
    is_photo = sheet.ndim == 3 and sheet.shape[2] == 3 and sheet.size > _SPRITE_PX // 10
    if is_photo:
        Image.fromarray(sheet).save(file, "jpeg", quality=80, optimize=True)
        return inline(file.getvalue(), "jpeg")
    Image.fromarray(sheet).save(file, "png", optimize=True)
    return inline(file.getvalue())
