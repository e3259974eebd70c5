"""Measurements inside a dense network, by back-propagation written out: no Keras, every backend.

Measured on a few images of *fit* with dropout at rest: how large the gradient of the loss is at
each hidden layer, and how many activations are zero.

References
----------
Rumelhart, Hinton & Williams (1986), Learning representations by back-propagating errors, *Nature*
323.
Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural networks,
*AISTATS*.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import erf, expit

from misread.data.dataset import Labels, to_float
from misread.images import Floats, Images

Activation = Callable[[Floats], tuple[Floats, Floats]]

PROBE_SIZE = 500


def _relu(z: Floats) -> tuple[Floats, Floats]:
    return np.maximum(z, 0), (z > 0).astype(np.float64)


def _sigmoid(z: Floats) -> tuple[Floats, Floats]:
    value: Floats = expit(z)
    return value, value * (1 - value)


def _tanh(z: Floats) -> tuple[Floats, Floats]:
    value = np.tanh(z)
    return value, 1 - value**2


def _gelu(z: Floats) -> tuple[Floats, Floats]:
    below: Floats = (1 + erf(z / np.sqrt(2))) / 2
    return z * below, below + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


# Each returns its value and its slope.
ACTIVATIONS: dict[str, Activation] = {
    "relu": _relu,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "gelu": _gelu,
}


def measure(
    weights: Sequence[npt.NDArray[np.float32]], activation: str, images: Images, labels_N: Labels
) -> dict[str, float]:
    """Return the measurements of one moment on N images: columns of `measures.csv`.

    `weights` are kernel `[I,O]` and bias `[O]` of each layer in turn, the softmax last, and
    `activation` is that of the hidden layers. The columns: `loss`, the mean cross-entropy; and for
    each hidden layer l from 1 on `gradient_norm_l`, the Frobenius norm of the gradient of that loss
    by the layer's kernel; `zero_share_l`, the share in [0, 1] of its activations (image × unit)
    that are exactly 0; `dead_share_l`, the share of its units that are 0 on every image.
    """
    kernels = [kernel.astype(np.float64) for kernel in weights[::2]]
    biases = [bias.astype(np.float64) for bias in weights[1::2]]
    values = [to_float(images).reshape(len(images), -1).astype(np.float64)]
    slopes = []
    for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
        value, slope = ACTIVATIONS[activation](values[-1] @ kernel + bias)
        values.append(value)
        slopes.append(slope)
    logits_NK = values[-1] @ kernels[-1] + biases[-1]
    logits_NK -= logits_NK.max(axis=1, keepdims=True)
    log_probs_NK = logits_NK - np.log(np.exp(logits_NK).sum(axis=1, keepdims=True))
    rows_N = np.arange(len(labels_N))
    measures = {"loss": float(-log_probs_NK[rows_N, labels_N].mean())}
    back = np.exp(log_probs_NK)  # the gradient by what enters a layer's activation
    back[rows_N, labels_N] -= 1
    back /= len(labels_N)
    norms = []
    for kernel, slope, value in zip(kernels[:0:-1], slopes[::-1], values[-2::-1], strict=True):
        back = (back @ kernel.T) * slope
        norms.append(float(np.linalg.norm(value.T @ back)))
    for layer, (norm, value) in enumerate(zip(norms[::-1], values[1:], strict=True), start=1):
        zero = value == 0
        measures |= {
            f"gradient_norm_{layer}": norm,
            f"zero_share_{layer}": float(zero.mean()),
            f"dead_share_{layer}": float(zero.all(axis=0).mean()),
        }
    return measures
