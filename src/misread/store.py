"""Run folders: written atomically, identified by content, resumable.

A run folder holds, in the order in which they are written::

    config.json        what the run is: dataset, seed, held-out tenth, arm, recipe, policy
    environment.json   versions, machine, seconds: what may differ when the result does not
    history.csv        a row per epoch
    measures.csv       a row before the first epoch and after each; only if the recipe measures
    model.keras        the trained model; from trainers of others a folder model/
    select.npz         what it reads on *select*; with it, training is complete
    predictions.npz    what it reads on *confirm* and on the counter-slices of the plan
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

from misread.errors import StoreError
from misread.files import (
    UNFINISHED,
    Arrays,
    clear_errors,
    read_arrays,
    read_json,
    read_rows,
    write_atomic,
)

MODEL = "model"  # files of a model are `model.keras`, or lie in this folder
_TRAINED = ("config.json", "history.csv", "select.npz")


def model_files(folder: Path) -> dict[str, bytes]:
    """Return the files that a trainer left in a folder, by the names that a run folder gives them.

    A file `model.keras` keeps its name, all others lie in `model/`.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    return {
        name if name == f"{MODEL}.keras" else f"{MODEL}/{name}": path.read_bytes()
        for name, path in zip(names, files, strict=True)
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

    Raises
    ------
    StoreError
        If another process holds it or it cannot be written.
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


class RunFolder:
    """The folder of one run, `arms/<arm>/seed_<seed>/`; see the head of this module."""

    def __init__(self, study_folder: Path, arm: str, seed: int) -> None:
        self.arm, self.seed = arm, seed
        self.path = study_folder / "arms" / arm / f"seed_{seed}"

    @property
    def has_model(self) -> bool:
        """Whether the trained model is there."""
        return (self.path / f"{MODEL}.keras").exists() or (self.path / MODEL).exists()

    @property
    def is_trained(self) -> bool:
        """Whether training is complete."""
        return (self.path / "select.npz").exists() and self.has_model

    @property
    def is_complete(self) -> bool:
        """Whether the run is complete."""
        return all((self.path / name).exists() for name in ("result.json", "predictions.npz"))

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files in the given order, each atomically.

        New readings of *confirm* make the run incomplete until its `result.json` follows.

        Raises
        ------
        StoreError
            If a file cannot be written.
        """
        for name, content in files.items():
            if name == "predictions.npz":
                with clear_errors(self.path):
                    (self.path / "result.json").unlink(missing_ok=True)
            write_atomic(self.path / name, content)

    def trained_files(self) -> dict[str, bytes]:
        """Return the files from which a trained run goes on; {} while it is not trained.

        Raises
        ------
        StoreError
            If one of them is missing.
        """
        if not self.is_trained:
            return {}
        try:
            files = {name: (self.path / name).read_bytes() for name in _TRAINED}
        except OSError as error:
            msg = (
                f"{self.path} cannot be gone on with ({error}); delete that folder and run the "
                "same command again."
            )
            raise StoreError(msg) from None
        return files | self.stored_model()

    def stored_model(self) -> dict[str, bytes]:
        """Return the files of the trained model.

        Raises
        ------
        StoreError
            If there are none.
        """
        paths = [self.path / f"{MODEL}.keras", *sorted((self.path / MODEL).rglob("*"))]
        files = {p.relative_to(self.path).as_posix(): p for p in paths if p.is_file()}
        if not files:
            msg = f"{self.path} holds no model; finish the study first, or bring its models back."
            raise StoreError(msg)
        return {name: path.read_bytes() for name, path in files.items()}

    def config(self) -> Any:
        """Return what `config.json` holds, or None where there is none."""
        path = self.path / "config.json"
        return read_json(path) if path.exists() else None

    def result(self) -> Any:
        """Return what `result.json` holds."""
        return read_json(self.path / "result.json")

    def history(self) -> list[dict[str, float]]:
        """Return the rows of `history.csv`."""
        return read_rows(self.path / "history.csv")

    def measures(self) -> list[dict[str, float]]:
        """Return the rows of `measures.csv` (columns: `learn.probe.measure`), [] without it."""
        path = self.path / "measures.csv"
        return read_rows(path) if path.exists() else []

    def select(self) -> Arrays:
        """Return what was read on *select*.

        `ids` `[M]` (in the training set), `labels` `[M]`, `predictions` `[1,M]`, `probs` `[1,M,K]`.
        """
        return read_arrays(self.path / "select.npz")

    def predictions(self) -> Arrays:
        """Return what was read on *confirm*, checked against `result.json`.

        `labels` `[N]`, `predictions` `[1,N]`, `probs` `[1,N,K]` (float16); `groups` and `disputed`
        `[N]` where the dataset knows them; `slice_names`, `slice_treatments` and `slice_views`
        `[L]` (names, what was done to the images, the views as JSON), and for slice number l
        `slice_<l>_ids` `[M]` (in *confirm*) and `slice_<l>_predictions` `[M]`.
        """
        return read_arrays(
            self.path / "predictions.npz", self.result()["sha256"]["predictions.npz"]
        )
