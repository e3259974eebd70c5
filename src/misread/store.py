"""Run folders: written atomically, identified by content, resumable.

A run folder holds, in the order in which they are written::

    config.json        what the run is: dataset, seed, held-out tenth, arm, recipe, policy
    environment.json   versions, machine, seconds: what may differ when the result does not
    history.csv        a row per epoch
    measures.csv       a row before the first epoch and after each; only if the recipe measures
    model.keras        the trained model
    select.npz         what it reads on *select*; with it, training is complete
    predictions.npz    what it reads on *confirm* and on the counter-slices of the plan
    result.json        written last: with it, the run is complete

Every file is written beside its place and moved there when it is whole, so that a file that exists
is complete. All but `environment.json` and the dates inside `model.keras` are the same bytes
whenever the same run is repeated on the same machine.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import numpy.typing as npt

from misread.errors import StoreError
from misread.files import UNFINISHED, readable_json
from misread.files import clear_errors as clear_errors  # noqa: PLC0414  part of this module's offer
from misread.files import write_atomic as write_atomic  # noqa: PLC0414  the same
from misread.npz import arrays_of

Arrays = dict[str, npt.NDArray[Any]]

_TRAINED = ("config.json", "history.csv", "model.keras", "select.npz")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, atomically."""
    write_atomic(path, readable_json(value))


def read_json(path: Path) -> Any:
    """Read a JSON file of ours.

    Raises
    ------
    StoreError
        If it is missing or no JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        msg = f"{path} does not exist; run the study first, or name another folder."
        raise StoreError(msg) from None
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as JSON ({error}); delete it and run the study again."
        raise StoreError(msg) from None


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays as a compressed NPZ, atomically; the same arrays give the same bytes."""
    write_atomic(path, arrays_to_bytes(arrays))


def arrays_to_bytes(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return arrays as the content of a compressed NPZ; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_arrays(path: Path, sha256: str | None = None) -> Arrays:
    """Read an NPZ of ours; nothing in it is ever executed.

    Parameters
    ----------
    path
        The file.
    sha256
        What the SHA-256 of the file must be, or None to take it as it is.

    Raises
    ------
    StoreError
        If it is missing, damaged or altered.
    """
    try:
        content = path.read_bytes()
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            msg = (
                f"{path} is not the file that its result.json describes; delete the folder "
                f"{path.parent} and run the study again."
            )
            raise StoreError(msg)
        return arrays_of(content)
    except FileNotFoundError:
        msg = f"{path} does not exist; run the study first, or name another folder."
        raise StoreError(msg) from None
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as NPZ ({error}); delete it and run the study again."
        raise StoreError(msg) from None


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with the same keys as CSV, atomically; floats keep all their digits."""
    write_atomic(path, csv_to_bytes(rows))


def csv_to_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows with the same keys as the content of a CSV file."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


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


def _rows(path: Path) -> list[dict[str, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


class RunFolder:
    """The folder of one run, `arms/<arm>/seed_<seed>/`; see the head of this module."""

    def __init__(self, study_folder: Path, arm: str, seed: int) -> None:
        self.arm, self.seed = arm, seed
        self.path = study_folder / "arms" / arm / f"seed_{seed}"

    @property
    def model(self) -> Path:
        """The trained model."""
        return self.path / "model.keras"

    @property
    def is_trained(self) -> bool:
        """Whether training is complete."""
        return (self.path / "select.npz").exists() and self.model.exists()

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
            return {name: (self.path / name).read_bytes() for name in _TRAINED}
        except OSError as error:
            msg = (
                f"{self.path} cannot be gone on with ({error}); delete that folder and run the "
                "same command again."
            )
            raise StoreError(msg) from None

    def config(self) -> Any:
        """Return what `config.json` holds, or None where there is none."""
        path = self.path / "config.json"
        return read_json(path) if path.exists() else None

    def result(self) -> Any:
        """Return what `result.json` holds."""
        return read_json(self.path / "result.json")

    def history(self) -> list[dict[str, float]]:
        """Return the rows of `history.csv`."""
        return _rows(self.path / "history.csv")

    def measures(self) -> list[dict[str, float]]:
        """Return the rows of `measures.csv` (columns: `learn.probe.measure`), [] without it."""
        path = self.path / "measures.csv"
        return _rows(path) if path.exists() else []

    def select(self) -> Arrays:
        """Return what was read on *select*.

        `ids` `[M]` (in the training set), `labels` `[M]`, `predictions` `[1,M]`, `probs` `[1,M,K]`.
        """
        return read_arrays(self.path / "select.npz")

    def predictions(self) -> Arrays:
        """Return what was read on *confirm*, checked against `result.json`.

        `labels` `[N]`, `predictions` `[1,N]`, `probs` `[1,N,K]` (float16); `slice_names` `[L]` and
        for slice number l `slice_<l>_ids` `[M]` (in *confirm*) and `slice_<l>_predictions` `[M]`.
        """
        return read_arrays(
            self.path / "predictions.npz", self.result()["sha256"]["predictions.npz"]
        )
