"""Labels worth a second look: images that many models, or sure ones, read as another class.

A model that has not seen an image and reads it as another class than its label says may err, or the
label may. Confident learning tells them apart by each class's own threshold: the mean probability
of the class over the images that bear its label. An image counts as of another class where that
one's probability reaches its threshold; the counts are the confident joint. With many trainings,
what all of them read otherwise comes first.

References
----------
Northcutt, Jiang & Chuang (2021), Confident learning: estimating uncertainty in dataset labels,
*Journal of Artificial Intelligence Research* 70.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from misread.errors import JudgeError
from misread.files import Frozen
from misread.judge.checks import BoolArray, FloatArray, IntArray

HARD_CORE = 0.8  # share of the readings from which on an image is read otherwise by nearly all


class Suspect(Frozen):
    """One label worth a second look."""

    image: int  # place among the labels
    label: int  # the class that the label says
    suggested: int  # the one that the models read
    share: float  # of the readings that are another class than the label, 0 to 1
    prob: float  # of the label, mean over the readings
    prob_suggested: float  # of the suggested class
    confident: bool  # off the diagonal of the confident joint


class Suspects(NamedTuple):
    """Labels worth a second look, the most suspect first, and the confident joint."""

    ranked: list[Suspect]  # off the diagonal, or read otherwise by nearly all
    joint_KK: IntArray  # images of label i that count as of class j
    n_read: int  # images with a reading


def suspect_labels(
    labels_N: IntArray, probs_SNK: npt.NDArray[np.floating], held_out_SN: BoolArray | None = None
) -> Suspects:
    """Rank labels worth a second look.

    By the share of readings that are not the label, then by how much more probable the suggested
    class is than the label.

    Parameters
    ----------
    labels_N : ndarray of int, shape [N]
        Labels, 0 to K − 1.
    probs_SNK : ndarray of float, shape [S, N, K]
        What S models read: probabilities. Where there are predictions only, 1 at the class read.
    held_out_SN : ndarray of bool, shape [S, N], optional
        Whether a model has not been trained on an image; only such readings count. By default all.

    Raises
    ------
    JudgeError
        If shapes do not fit, or no image was held out.
    """
    if probs_SNK.ndim != 3 or probs_SNK.shape[1] != labels_N.size:
        msg = f"probs are {list(probs_SNK.shape)} for {labels_N.size} labels; give [S,N,K]."
        raise JudgeError(msg)
    read_SN = np.ones(probs_SNK.shape[:2], bool) if held_out_SN is None else held_out_SN
    n_N = read_SN.sum(axis=0)
    if not n_N.any():
        msg = "no image was held out by any model; readings of images trained on say nothing."
        raise JudgeError(msg)
    weights_SN = read_SN / np.maximum(n_N, 1)
    probs_NK: FloatArray = np.einsum("snk,sn->nk", probs_SNK.astype(np.float64), weights_SN)
    other_SN = probs_SNK.argmax(axis=2) != labels_N
    share_N = (other_SN * weights_SN).sum(axis=0)
    known_N = n_N > 0
    n_classes = probs_NK.shape[1]
    threshold_K = np.ones(n_classes)
    for k in np.unique(labels_N[known_N]):
        threshold_K[k] = probs_NK[known_N & (labels_N == k), k].mean()
    sure_NK = (probs_NK >= threshold_K) & known_N[:, None]
    class_N = np.where(sure_NK, probs_NK, -1.0).argmax(axis=1)
    counted_N = sure_NK.any(axis=1)
    joint_KK = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(joint_KK, (labels_N[counted_N], class_N[counted_N]), 1)
    confident_N = counted_N & (class_N != labels_N)
    without_NK = probs_NK.copy()
    without_NK[np.arange(labels_N.size), labels_N] = -1
    suggested_N = without_NK.argmax(axis=1)
    prob_N = probs_NK[np.arange(labels_N.size), labels_N]
    best_N = without_NK.max(axis=1)
    chosen = np.flatnonzero(confident_N | (known_N & (share_N >= HARD_CORE)))
    order = chosen[np.lexsort((chosen, (prob_N - best_N)[chosen], -share_N[chosen]))]
    ranked = [
        Suspect(
            image=int(n),
            label=int(labels_N[n]),
            suggested=int(suggested_N[n]),
            share=float(share_N[n]),
            prob=float(prob_N[n]),
            prob_suggested=float(best_N[n]),
            confident=bool(confident_N[n]),
        )
        for n in order
    ]
    return Suspects(ranked, joint_KK, int(known_N.sum()))
