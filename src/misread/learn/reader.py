"""A trained Keras model that reads images."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt

from misread.data.dataset import to_float
from misread.files import read_json
from misread.images import Images
from misread.learn.treatments.lab import Cell
from misread.learn.treatments.second import decide
from misread.learn.treatments.shift import shifted
from misread.seeds import derive

READ_BATCH = 500
READING, SECOND = "reading.json", "second.keras"  # beside model.keras, of some treatments


def read(model: Any, images: Images) -> npt.NDArray[np.float32]:
    """Return the probabilities `float32 [N,K]` for images `uint8 [N,H,W]` or `[N,H,W,C]`."""
    # Called as it is, batch by batch: `predict` would first trace a graph for every new batch size.
    batches = [
        keras.ops.convert_to_numpy(
            model(to_float(images[start : start + READ_BATCH]), training=False)
        )
        for start in range(0, len(images), READ_BATCH)
    ]
    empty = np.empty((0, model.output_shape[-1]))
    return np.concatenate([empty, *batches]).astype(np.float32)


def load(path: Path) -> Any:
    """Load a `.keras` file; code inside it is never run (`safe_mode`)."""
    return keras.saving.load_model(path, compile=False, safe_mode=True)


@dataclass(frozen=True)
class KerasReader:
    """A Keras model that reads images; a `trainer.Reader`."""

    model: Any
    second: Any = None  # a model that decides between the classes of `cell` where these lead
    cell: Cell = (0, 0)  # of `second` and `shift`
    shift: float = 0.0  # added to the logit of the cell's first class

    @property
    def n_parameters(self) -> int:
        """Number of parameters that it has learnt."""
        return int(self.model.count_params()) + int(
            self.second.count_params() if self.second else 0
        )

    def __call__(self, images: Images) -> npt.NDArray[np.float32]:
        """Return the probabilities `[N,K]`."""
        probs_NK = read(self.model, images)
        if self.second is not None:
            probs_NK = decide(probs_NK, read(self.second, images), self.cell)
        return shifted(probs_NK, self.cell, self.shift) if self.shift else probs_NK

    @property
    def gradients(self) -> Any:
        """Gradients of the main model's margin by its pixels; None where they cannot be had."""
        if keras.backend.backend() != "tensorflow":
            return None
        from misread.learn.gradients import margin_gradients  # noqa: PLC0415  TensorFlow alone

        return margin_gradients(self.model)

    def shuffled(self, seed: int) -> Self:
        """Return a model with the weights of each layer in random order, for a sanity check."""
        model, rng = keras.models.clone_model(self.model), derive(seed, "shuffled weights")
        weights = self.model.get_weights()
        model.set_weights([rng.permutation(w.ravel()).reshape(w.shape) for w in weights])
        return replace(self, model=model, second=None)

    @classmethod
    def stored(cls, folder: Path) -> Self:
        """Return the model that the trainer stored in a folder, with what it reads with."""
        model = load(folder / "model.keras")
        if not (folder / READING).exists():
            return cls(model)
        reading = read_json(folder / READING)
        second = load(folder / SECOND) if (folder / SECOND).exists() else None
        true, predicted = reading["cell"]
        return cls(model, second, (true, predicted), reading["shift"])
