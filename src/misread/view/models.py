"""The models that read what is drawn or dropped: loaded when first asked, then kept."""

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image

from misread.data.pictures import read_photo
from misread.errors import DataError, MisreadError, StudyError, needs_extra
from misread.images import Images
from misread.images.mnist_form import to_convention
from misread.learn.trainer import Reader
from misread.show.inline import inline
from misread.study.models import models_of
from misread.study.photos import Readers, readers_of
from misread.study.plan import load_plan
from misread.view.inside import refuse_links_out

MOST_DRAWN_BYTES, MOST_PHOTO_BYTES = 1_000_000, 20_000_000


@dataclass(frozen=True)
class Models:
    """The models of a study, by arm."""

    folder: Path  # of the study; only read
    arms: dict[str, Readers]  # those with complete runs and models
    _loaded: dict[str, list[Reader]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def read(self, images: Images, arms: Sequence[str]) -> list[dict[str, Any]]:
        """Return what every seed of some arms reads in each image of `uint8 [N,28,28]`.

        For each image `picture`, the address of itself, and `arms`: a list of `name`, `seeds`,
        `read` (names of classes) and `sure` (whole per cent), both by seed. StudyError if there is
        no such arm, or its models cannot be loaded.
        """
        unknown = [arm for arm in arms if arm not in self.arms]
        if unknown or not arms:
            msg = f"there is no arm {', '.join(unknown) or 'named'}; name {', '.join(self.arms)}."
            raise StudyError(msg)
        with self._lock:
            probs = {arm: np.stack([read(images) for read in self._models(arm)]) for arm in arms}
        return [
            {
                "picture": _address(image),
                "arms": [
                    {
                        "name": arm,
                        "seeds": list(map(str, self.arms[arm].seeds)),
                        "read": [self.arms[arm].class_names[k] for k in of[:, n].argmax(axis=1)],
                        "sure": np.rint(100 * of[:, n].max(axis=1)).astype(int).tolist(),
                    }
                    for arm, of in probs.items()
                ],
            }
            for n, image in enumerate(images)
        ]

    def _models(self, arm: str) -> list[Reader]:
        if arm not in self._loaded:
            refuse_links_out(self.folder)
            of = self.arms[arm]
            self._loaded[arm] = list(models_of(of.folder, arm, of.seeds, of.trainer))
        return self._loaded[arm]


def models_in(folder: Path) -> Models:
    """Return the models of a study that may read what is drawn; none is loaded yet.

    MisreadError if none may: another trainer's are code of whoever made the study; data are of
    another form; an extra is missing.
    """
    plan = load_plan(folder)
    trainer = plan.study.trainer
    if not trainer.is_ours:
        msg = (
            f"its models are read by the trainer {trainer.text}, code of whoever made the study, "
            "which is never run here"
        )
        raise StudyError(msg)
    arms = {}
    why: MisreadError | None = None
    for arm in plan.policies:
        try:
            arms[arm] = readers_of(folder, arm)
        except StudyError as error:
            why = error
    if not arms:
        raise why or StudyError(f"{folder} holds no models")
    return Models(folder, arms)


def drawn_digit(content: bytes) -> Images:
    """Return a drawing in MNIST's form, `uint8 [1,28,28]`: dark ink on a bright ground.

    DataError if it is no picture, or an empty one.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["png"]) as picture:
            if picture.width * picture.height > 10**6:
                msg = "the drawing is larger than a million pixels; draw a smaller one."
                raise DataError(msg)
            ink = 255 - np.asarray(picture.convert("L"))
    except (OSError, ValueError, SyntaxError) as error:
        msg = f"the drawing is no PNG picture ({error}); draw it again."
        raise DataError(msg) from None
    if not ink.any():
        msg = "nothing is drawn yet; draw a digit."
        raise DataError(msg)
    return to_convention(ink)[None]


@needs_extra()
def photographed_digits(content: bytes) -> Images:
    """Return the digits on a photo, as `misread read` finds them, `uint8 [N,28,28]`.

    DataError if it is no photo, or has no digits.
    """
    from misread.images.page import find_digits  # noqa: PLC0415  it may miss its extra

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "photo"
        path.write_bytes(content)
        try:
            photo = read_photo(path)
        except DataError as error:
            raise DataError(str(error).replace(str(path), "the photo")) from None
    images = find_digits(photo).images
    if not len(images):
        msg = "no digits were found on the photo; take one with dark ink on bright paper."
        raise DataError(msg)
    return images


def _address(image: Images) -> str:
    """Return one picture as the address of itself."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return inline(file.getvalue())
