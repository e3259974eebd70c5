"""Views: the images that a model is shown, and what is done to them; `images_of` makes them."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from misread.data.dataset import Dataset, Labels
from misread.data.parts import prove_half, split, stratified_subset
from misread.data.sources import load, origin
from misread.errors import DataError, PlanError, StoreError
from misread.files import Arrays, Frozen, unstated
from misread.images import Ids, Images
from misread.images.corrupt import corrupt, parse_corruption
from misread.images.mnist_form import all_to_convention, ink_bright
from misread.images.operations import OPERATIONS
from misread.learn.recipe import Run


class Part(StrEnum):
    """A part of a study's dataset; see `data.parts`."""

    FIT = "fit"
    SELECT = "select"
    CONFIRM = "confirm"


class View(Frozen):
    """Images that a model is shown, under a name; a slice of the evidence is a view."""

    operation: str = unstated("")  # on every image, a key of `OPERATIONS`; "" is none
    size_px: int = unstated(0)
    label: int | None = unstated(None)  # only the images of this class; None takes all
    corruption: str = unstated("")  # with its severity, as in "fog@5"; "" is none
    part: Part = unstated(Part.CONFIRM)  # of the study's dataset
    source: str = unstated("")  # another dataset in its place, without images that were learnt

    @property
    def treatment(self) -> str:
        """Name of what is done to the images, as in "erode 2 px"; that of a slice in a verdict."""
        if self.operation:
            return f"{self.operation} {self.size_px} px"
        return self.corruption or self.source

    @property
    def name(self) -> str:
        """Treatment, class and part, as in "erode 2 px · 4" or "erode 2 px · 4 · select"."""
        words = [self.treatment or "clean"]
        words += [] if self.label is None else [str(self.label)]
        words += [] if self.part == Part.CONFIRM else [self.part.value]
        return " · ".join(words)

    @property
    def is_whole(self) -> bool:
        """Return whether it shows all images of a part or a source as they are."""
        return not (self.operation or self.corruption) and self.label is None


def views_in(arrays: Arrays, part: Part = Part.CONFIRM) -> list[View]:
    """Return the views that a file of readings holds, by their numbers; errors as in `view_named`.

    Files of an earlier version name them without saying of which `part` they are.
    """
    if "slice_views" in arrays:
        return [View.model_validate_json(stated) for stated in arrays["slice_views"].tolist()]
    named = [view_named(name) for name in arrays["slice_names"].tolist()]
    return [view.model_copy(update={"part": part}) for view in named]


def view_named(name: str) -> View:
    """Return the view of *confirm* that a file of an earlier version names: "erode 2 px · 4".

    StoreError if it names none.
    """
    treatment, dot, label = name.partition(" · ")
    words = treatment.split(" ")
    if dot and label.isdecimal() and len(words) == 3 and words[1].isdecimal():
        return View(operation=words[0], size_px=int(words[1]), label=int(label))
    if not dot and len(words) == 1:
        return View(corruption=name)
    msg = f"a file names the slice {name!r}, which this version does not know; read it anew."
    raise StoreError(msg)


@dataclass(frozen=True)
class Parts:
    """The images of a study, loaded once and handed down."""

    train: Dataset
    confirm: Dataset  # the images of the test set that are read
    confirm_ids_N: Ids  # their places in the test set
    sha256: tuple[str, str]  # of the training set and of the whole test set


def load_parts(dataset: str, confirm_size: int | None) -> Parts:
    """Return the parts of a dataset, with about `confirm_size` images of the test set or all."""
    train, test = load(dataset)
    ids_N = stratified_subset(test.labels_N, confirm_size)
    return Parts(train, test.take(ids_N), ids_N, (train.sha256, test.sha256))


class RunParts(NamedTuple):
    """The images of a run, part by part, and their places in the training and the test set."""

    fit: Dataset
    select: Dataset
    confirm: Dataset
    select_ids_M: Ids
    confirm_ids_N: Ids


def parts_of(run: Run) -> RunParts:
    """Return the images of a run; PlanError if its dataset is no longer the one it began on."""
    parts = load_parts(run.dataset, run.confirm_size)
    if parts.sha256 != run.dataset_sha256:
        msg = (
            f"the dataset {run.dataset!r} is not the one that this study was begun with (its "
            "SHA-256 differs); bring that one back, or choose another folder with --out."
        )
        raise PlanError(msg)
    train = parts.train
    if run.halves:
        proves_N = prove_half(train)
        fit_ids, select_ids = np.flatnonzero(proves_N), np.flatnonzero(~proves_N)
    else:
        fit_ids, select_ids = split(train.labels_N, run.select_fold)
    fit_ids = fit_ids[stratified_subset(train.labels_N[fit_ids], run.fit_size)]
    select_ids = select_ids[stratified_subset(train.labels_N[select_ids], run.select_size)]
    return RunParts(
        train.take(fit_ids), train.take(select_ids), parts.confirm, select_ids, parts.confirm_ids_N
    )


class ViewImages(NamedTuple):
    """The images of a view, their classes, and their places in their part, `[M]`."""

    images: Images
    labels_M: Labels
    ids_M: Ids


def images_of(view: View, run: Run, parts: RunParts) -> ViewImages:
    """Return the images that a view shows to the model of a run.

    DataError if another source has other classes or shapes than the study.
    """
    in_study = {Part.FIT: parts.fit, Part.SELECT: parts.select, Part.CONFIRM: parts.confirm}
    data = unseen(run.dataset, view.source) if view.source else in_study[view.part]
    ids_M = np.arange(len(data))
    if view.label is not None:
        ids_M = np.flatnonzero(data.labels_N == view.label)
    if view.corruption:
        images = corrupted_confirm(run.dataset, run.confirm_size, view.corruption)[ids_M]
    else:
        images = data.images[ids_M]
    if view.operation:
        images = OPERATIONS[view.operation](images, view.size_px)
    return ViewImages(images, data.labels_N[ids_M], ids_M)


@lru_cache(maxsize=15)
def corrupted_confirm(dataset: str, size: int | None, corruption: str) -> Images:
    """Return *confirm* of a dataset corrupted, `uint8 [N,28,28]`; kept, for all models read it.

    A smaller *confirm* is a part of the whole: an image looks as it does there. DataError if its
    images are not of MNIST's kind.
    """
    parts = load_parts(dataset, size)
    return corrupt(parts.confirm.images, parse_corruption(corruption), parts.confirm_ids_N)


@lru_cache(maxsize=4)
def unseen(study_dataset: str, source: str) -> Dataset:
    """Return all images of a source that a study did not train on, as its models take them.

    A model of MNIST reads every image but corrupted ones in MNIST's form (`images.mnist_form`); a
    model of other data reads images of its own shape as they are. DataError if classes or shapes
    are not those of the study.
    """
    known, (train, test) = load(study_dataset)[0], load(source)
    seen = load(origin(study_dataset))[0].sha256  # in whatever way: a corrupted copy is seen too
    pairs = zip((train, test), load(origin(source)), strict=True)
    parts = [part for part, clean in pairs if clean.sha256 != seen]
    unknown = [name for name in train.class_names if name not in known.class_names]
    if unknown:
        msg = (
            f"{source} has a class {unknown[0]!r}, which the models of {study_dataset} do not "
            f"know; their classes are {', '.join(known.class_names[:12])}: choose other data."
        )
        raise DataError(msg)
    images = np.concatenate([part.images for part in parts])
    if in_mnist_form(study_dataset, source):
        images = all_to_convention(ink_bright(images))
    elif images.shape[1:] != known.images.shape[1:]:
        msg = (
            f"{source} has images {list(images.shape[1:])}, and the models of {study_dataset} take "
            f"{list(known.images.shape[1:])}; bring them to that shape."
        )
        raise DataError(msg)
    codes_K = np.array([known.class_names.index(name) for name in train.class_names])
    labels_N = codes_K[np.concatenate([part.labels_N for part in parts])]
    return Dataset(source, images, labels_N, known.class_names)


def in_mnist_form(study_dataset: str, source: str) -> bool:
    """Return whether a study's models read a source in MNIST's form: those of MNIST do.

    Corrupted images are read as they are: to be off that form is what is wrong with some.
    """
    return origin(study_dataset) == "mnist" and origin(source) == source
