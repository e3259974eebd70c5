"""Run folders: written atomically, identified by content, resumable.

A run folder holds, in the order in which they are written::

    config.json        what the run is: dataset, seed, held-out tenth, arm, recipe, policy
    environment.json   versions, machine, seconds: what may differ when the result does not
    history.csv        a row per epoch
    measures.csv       a row before the first epoch and after each; only if the recipe measures
    model.keras        the trained model; from trainers of others a folder model/
    select.npz         what it reads on *select*; with it, training is complete
    predictions.npz    what it reads on *confirm* and on the counter-slices of the plan
    held_out.npz       what it reads on the counter-slices of *select*; where that is evidence
    result.json        written last: with it, the run is complete

Every file is written beside its place and moved there when it is whole, so that a file that exists
is complete. All but `environment.json` and the dates inside `model.keras` are the same bytes
whenever the same run is repeated on the same machine.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
from pydantic import Field

from misread.errors import StoreError
from misread.files import (
    UNFINISHED,
    Arrays,
    Record,
    clear_errors,
    read_arrays,
    read_checked,
    read_json,
    read_rows,
    write_atomic,
)

MODEL = "model"  # files of a model are `model.keras`, or lie in this folder
_NEEDED = {
    "select.npz": ("ids", "labels", "predictions", "probs"),
    "held_out.npz": ("slice_names",),
    "predictions.npz": ("labels", "predictions", "probs", "slice_names"),
}
_TRAINED = ("config.json", "history.csv", "measures.csv", "select.npz")


def model_files(folder: Path) -> dict[str, bytes]:
    """Return the files that a trainer left in a folder, by the names that a run folder gives them.

    A file `model.keras` keeps its name, all others lie in `model/`.
    """
    paths = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    return {
        name if name == f"{MODEL}.keras" else f"{MODEL}/{name}": path.read_bytes()
        for name, path in paths.items()
    }


def unpack_model(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the model among the files of a run into a folder, as its trainer left it."""
    for name, content in files.items():
        if name.startswith((f"{MODEL}.", f"{MODEL}/")):
            path = folder / name.removeprefix(f"{MODEL}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a study's folder for this process; the system frees it when the process dies.

    StoreError if another process holds it or it cannot be written.
    """
    with clear_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            msg = (
                f"{folder} is in use by another misread process; wait until it has ended, "
                "or choose another folder with --out."
            )
            raise StoreError(msg) from None
    try:
        for left_over in folder.rglob(f".*{UNFINISHED}"):  # by a process that was killed
            left_over.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


class Config(Record):
    """`config.json`: what the run is; the whole of it is `learn.work.Run`."""

    arm: str
    seed: int
    dataset: str
    select_fold: int
    confirm_size: int | None


class Result(Record):
    """`result.json`: with it a run is complete; the hashes are those of its other files."""

    accuracy: float
    slices: list[str]
    sha256: dict[str, str]


class Environment(Record):
    """`environment.json`: what may explain a difference between machines."""

    train_seconds: float
    backend: str = ""
    trainer_sha256: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    model_sha256: dict[str, str] = Field(default_factory=dict)


def check_readings(arrays: Arrays, names: tuple[str, ...] = ("labels", "predictions")) -> Arrays:
    """Return the arrays of `predictions.npz` or `select.npz`, of which `names` must be there.

    Their axes and types must fit together. ValueError with the reason.
    """
    if missing := [name for name in names if name not in arrays]:
        msg = f"it has no {missing[0]}"
        raise ValueError(msg)
    n_images = arrays["labels"].size
    axes = {"labels": 1, "predictions": 2, "probs": 3, "ids": 1, "groups": 1, "disputed": 1}
    for name, n_axes in axes.items():
        array = arrays.get(name)
        kinds = {"probs": "f", "groups": "iuU"}.get(name, "biu")
        if array is None or (name == "groups" and array.ndim == 1):
            continue
        fits = array.ndim == n_axes and array.shape[n_axes > 1 and 1] == n_images
        if not fits or array.dtype.kind not in kinds or not array.size:
            msg = f"its {name!r} is {array.dtype} of shape {list(array.shape)}"
            raise ValueError(msg)
    for name in ("slice_names", "slice_treatments", "slice_views"):
        if name in arrays and (arrays[name].ndim != 1 or arrays[name].dtype.kind != "U"):
            msg = f"its {name!r} is not a list of texts"
            raise ValueError(msg)
    for number in range(arrays["slice_names"].size if "slice_names" in arrays else 0):
        ids, read = (arrays.get(f"slice_{number}_{part}") for part in ("ids", "predictions"))
        if ids is None or read is None or ids.ndim != 1 or ids.shape != read.shape:
            msg = f"its slice {number} lacks ids or predictions"
            raise ValueError(msg)
        if {ids.dtype.kind, read.dtype.kind} - {*"iu"} or not 0 <= int(
            ids.max(initial=0)
        ) < n_images:
            msg = f"its slice {number} is not of its images"
            raise ValueError(msg)
    return arrays


class RunFolder:
    """The folder of one run, `arms/<arm>/seed_<seed>/`; see the head of this module."""

    def __init__(self, study_folder: Path, arm: str, seed: int) -> None:
        self.arm, self.seed = arm, seed
        self.path = study_folder / "arms" / arm / f"seed_{seed}"

    @property
    def has_model(self) -> bool:
        """True where the trained model is there."""
        return (self.path / f"{MODEL}.keras").exists() or (self.path / MODEL).exists()

    @property
    def is_trained(self) -> bool:
        """True where training is complete."""
        return (self.path / "select.npz").exists() and self.has_model

    @property
    def is_complete(self) -> bool:
        """True where the run is complete."""
        return all((self.path / name).exists() for name in ("result.json", "predictions.npz"))

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files in the given order, each atomically.

        New readings of *confirm* make the run incomplete until its `result.json` follows.
        StoreError if a file cannot be written.
        """
        for name, content in files.items():
            if name == "predictions.npz":
                with clear_errors(self.path):
                    (self.path / "result.json").unlink(missing_ok=True)
            write_atomic(self.path / name, content)

    def trained_files(self) -> dict[str, bytes]:
        """Return the files from which a trained run goes on; {} while it is not trained.

        StoreError if one of them is missing.
        """
        if not self.is_trained:
            return {}
        there = [name for name in _TRAINED if name != "measures.csv" or (self.path / name).exists()]
        return {name: self._content(name) for name in there} | self.stored_model()

    def stored_model(self) -> dict[str, bytes]:
        """Return the files of the trained model.

        StoreError if there are none.
        """
        paths = [self.path / f"{MODEL}.keras", *sorted((self.path / MODEL).rglob("*"))]
        files = {p.relative_to(self.path).as_posix(): p for p in paths if p.is_file()}
        if not files:
            msg = f"{self.path} holds no model; finish the study first, or bring its models back."
            raise StoreError(msg)
        return {name: self._content(name) for name in files}

    def _sha256(self, name: str) -> str | None:
        """Return the hash of a file that `result.json` names, or None where there is none yet."""
        if name.startswith(MODEL):
            there = (self.path / "environment.json").exists()
            hashes = self.environment().get("model_sha256", {}) if there else {}
        else:
            there = (self.path / "result.json").exists()
            hashes = self.result()["sha256"] if there else {}
        return hashes.get(name)

    def _content(self, name: str) -> bytes:
        return read_checked(self.path / name, self._sha256(name))

    def _readings(self, name: str, labels: Arrays | None = None) -> Arrays:
        path = self.path / name
        arrays = read_arrays(path, self._sha256(name)) | (labels or {})
        try:
            return check_readings(arrays, _NEEDED[name])
        except ValueError as error:
            msg = f"{path} holds other readings than misread writes ({error}); run the study anew."
            raise StoreError(msg) from None

    def config(self) -> Any:
        """Return what `config.json` holds, or None where there is none."""
        path = self.path / "config.json"
        return read_json(path, Config) if path.exists() else None

    def result(self) -> Any:
        """Return what `result.json` holds."""
        return read_json(self.path / "result.json", Result)

    def environment(self) -> Any:
        """Return what `environment.json` holds."""
        return read_json(self.path / "environment.json", Environment)

    def history(self) -> list[dict[str, float]]:
        """Return the rows of `history.csv`."""
        return read_rows(self.path / "history.csv", self._sha256("history.csv"))

    def measures(self) -> list[dict[str, float]]:
        """Return the rows of `measures.csv` (columns: `learn.probe.measure`), [] without it."""
        path = self.path / "measures.csv"
        return read_rows(path, self._sha256("measures.csv")) if path.exists() else []

    def select(self) -> Arrays:
        """Return what was read on *select*.

        `ids` `[M]` (in the training set), `labels` `[M]`, `predictions` `[1,M]`, `probs` `[1,M,K]`.
        """
        return self._readings("select.npz")

    def held_out(self, select: Arrays) -> Arrays:
        """Return the slices of `select`, as `predictions` names them, by places in it."""
        return self._readings("held_out.npz", {"labels": select["labels"]})

    def predictions(self) -> Arrays:
        """Return what was read on *confirm*, checked against `result.json`.

        `labels` `[N]`, `predictions` `[1,N]`, `probs` `[1,N,K]` (float16); `groups` and `disputed`
        `[N]` where the dataset knows them; `slice_names`, `slice_treatments` and `slice_views`
        `[L]` (names, what was done to the images, the views as JSON), and for slice number l
        `slice_<l>_ids` `[M]` (in *confirm*) and `slice_<l>_predictions` `[M]`.
        """
        return self._readings("predictions.npz")
