"""Pilot: rate and variances of a cell before a fix is tried, from which power is planned.

A treatment that multiplies the rate p of an error by k = 1 − r is planned from the present model's
readings. Their variance p(1 − p) is that between seeds σ²_s, between images σ²_n, and the rest
σ²_e. After the fix they are k²σ²_s, kσ²_n (the same share of the whole), and what fills up to
kp(1 − kp). What a seed, an image or a single reading brings is alike in both arms as far as a
correlation says, c_s, c_n and c_e. So ``D = after − before`` has the mean −rp and the variances

=========  ==========================================
seeds      σ²_s · (1 + k² − 2·c_s·k)
images     σ²_n · (1 + k − 2·c_n·√k)
the rest   σ²_e + σ²_e' − 2·c_e·sqrt(σ²_e · σ²_e')
=========  ==========================================

A fix that acts evenly on all images has c_n = 1; no fix that was measured had.

The first arm's variances come from the crossed mean squares (Cornfield & Tukey 1956, *Annals of
Mathematical Statistics* 27). What a pilot cannot tell is taken from `TYPICAL`.
"""

import math

import numpy as np
import numpy.typing as npt
import scipy
from pydantic import Field

from misread.errors import JudgeError
from misread.files import Frozen
from misread.judge.checks import BoolArray, fraction, whole_numbers
from misread.judge.counts import Counts, count_by_part, count_differences
from misread.judge.groups import groups_or_none
from misread.judge.measure import widening
from misread.judge.terms import weights_of
from misread.judge.variance import (
    FEW_SEEDS,
    Components,
    components_of,
    seeds_per_arm,
    terms_of,
    variance_of,
)

_TYPICAL_DF = 9  # the ten seeds behind `TYPICAL`: a pilot's own seeds are weighed against them
_AS_TYPICAL = "as in the study four-nine."


class Heterogeneity(Frozen):
    """Variances between images and between trainings, in parts that do not depend on the rate.

    Attributes
    ----------
    image : float
        Variance between images as a share of p(1 − p), 0 to 1: 0 where every image is as likely to
        be misread, near 1 where the same few always are.
    seed : float
        Squared coefficient of variation of the rate between trainings, 0 or more.
    images_alike, seeds_alike, shared : float
        Correlations of both arms, 0 to 1: of the images' rates, of the trainings' rates, and of
        what is left of single readings.
    """

    image: float = Field(ge=0, lt=1)
    seed: float = Field(ge=0)
    shared: float = Field(ge=0, le=1)
    images_alike: float = Field(default=0.985, ge=0, le=1)
    seeds_alike: float = Field(default=0.7, ge=0, le=1)


TYPICAL = Heterogeneity(image=0.6, seed=0.12, shared=0.35)
"""Measured in the study four-nine: the means over the twelve most frequent cells of its baseline
and the same cells of its four treated arms, ten seeds each, are .60, .12 and .37 in
``docs/results/four-nine-readings.npz``; the last is rounded to the side of more noise. Images and
trainings are alike in both arms by .986 and .73 there.

``python -m pytest tests/judge/test_power.py -k typical -s`` measures them again. They are of one
dataset and one small network: a pilot of one's own is better."""


class Pilot(Frozen):
    """One cell i→j of the present model, as far as it is known.

    Attributes
    ----------
    source : str
        Where it comes from, in words.
    rate : float
        Share of class i's images read as j, above 0.
    rate_range : tuple of float or None
        The range of the rate that holds with 80%; None where nothing is known of it.
    spread : Heterogeneity
        Of images and trainings.
    both : Components or None
        Variances of the difference, where both arms were observed.
    both_df, changed : float or None
        Degrees of freedom of their sum; share of images that changed on balance.
    n_seeds, n_images : int or None
        Of the pilot, seeds per arm; images of class i.
    design_effect : float
        How many times larger groups of images (writers, patients) make the variance over images,
        1 or more: N images tell as much as N over it that are independent. Variances are of one
        such image.
    notes : tuple of str
        What was assumed, in sentences.
    """

    source: str
    rate: float = Field(gt=0, lt=1)
    rate_range: tuple[float, float] | None = None
    spread: Heterogeneity = TYPICAL
    both: Components | None = None
    both_df: float | None = None
    changed: float | None = None
    n_seeds: int | None = None
    n_images: int | None = None
    design_effect: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def ends(self) -> "tuple[Pilot, Pilot] | None":
        """The hopeful and the sober end of what the pilot leaves open (80%), where that is known.

        From one arm: the ends of the rate. From both: the ends of the variance (chi-square).
        """
        if self.both is not None and self.both_df is not None:
            first, last = (
                self.model_copy(update={"both": Components(*(part * scale for part in self.both))})
                for scale in self.both_df / scipy.special.chdtri(self.both_df, [0.1, 0.9])
            )
            return first, last
        if self.rate_range is None:
            return None
        low, high = (self.model_copy(update={"rate": rate}) for rate in self.rate_range)
        return high, low

    def change(self, reduction: float) -> Components:
        """Return the variances of D that a relative `reduction`, 0 to 1, brings; see the module."""
        if self.both is not None:
            return self.both
        p, kept, spread = self.rate, 1 - reduction, self.spread
        image = spread.image * p * (1 - p)
        seed = min(spread.seed * p**2, p * (1 - p) - image)
        rest = p * (1 - p) - image - seed
        rest_after = max(kept * p * (1 - kept * p) - kept**2 * seed - kept * image, 0.0)
        common = 2 * spread.shared * math.sqrt(max(rest * rest_after, 0.0))
        return Components(
            seed * (1 + kept**2 - 2 * spread.seeds_alike * kept),
            image * (1 + kept - 2 * spread.images_alike * math.sqrt(kept)),
            max(rest + rest_after - common, 0.0),
        )


def pilot_from_rate(rate: float, source: str = "a rate that was given") -> Pilot:
    """Return a pilot that knows nothing but a rate, taken as exact.

    Raises
    ------
    JudgeError
        If the rate is not between 0 and 1.
    """
    fraction("the rate of the error", rate, "0.008 or 0.8%")
    notes = ("The rate is taken as exact.", f"Images and trainings differ {_AS_TYPICAL}")
    return Pilot(source=source, rate=rate, notes=notes)


def pilot_from_counts(
    n_errors: int, n_readings: int, n_seeds: int, source: str = "counts"
) -> Pilot:
    """Return a pilot from errors counted on other images in every seed, as on *select*.

    Parameters
    ----------
    n_errors, n_readings : int
        Errors of the cell and readings of images of its true class, over all seeds.
    n_seeds : int
        Trained models.
    source : str
        Where they come from, in words.

    Returns
    -------
    Pilot
        Its rate is known as well as Poisson counts and `TYPICAL` trainings allow.

    Raises
    ------
    JudgeError
        If there are no readings or no errors.
    """
    rate = _rate(n_errors, n_readings)
    return Pilot(
        source=source,
        rate=rate,
        rate_range=_range(rate, 1 / n_errors + TYPICAL.seed / n_seeds),
        n_seeds=n_seeds,
        notes=(f"Images and trainings differ {_AS_TYPICAL}",),
    )


def pilot_from_errors(errors_SN: npt.ArrayLike, groups_N: npt.ArrayLike | None = None) -> Pilot:
    """Return a pilot from readings of the present model.

    Parameters
    ----------
    errors_SN : array_like of 0 and 1, shape [S, N]
        Whether seed s reads image n of class i as j.
    groups_N : array_like of int or str, shape [N], optional
        The group (writer, patient) of each image.

    Returns
    -------
    Pilot
        How trainings differ is the pilot's own variance and that of `TYPICAL`, weighed by their
        degrees of freedom, for few seeds hardly know it. With one seed all of it is `TYPICAL`.

    Raises
    ------
    JudgeError
        If the matrix is empty, holds other values, or holds no error.
    """
    errors = _flags("the matrix of errors", errors_SN)
    n_seeds, n_images = errors.shape
    rate = _rate(int(errors.sum()), errors.size)
    counts = count_differences(errors.astype(np.int64), groups_or_none(groups_N, n_images))
    design_effect = widening(counts) or 1.0
    spread = _spread(counts, rate, n_images / design_effect)
    few = ", which hardly tell: the answer is noisy" if n_seeds <= FEW_SEEDS else ""
    trainings = (
        f"How much trainings differ is weighed from {n_seeds} seeds and the ten of four-nine{few}."
    )
    if n_seeds == 1:
        trainings = f"One seed says nothing of trainings: they and images differ {_AS_TYPICAL}"
    seed, image = spread.seed * rate**2, spread.image * rate * (1 - rate)
    rest = max(rate * (1 - rate) - seed - image, 0.0)
    variance = seed / n_seeds + (image + rest / n_seeds) * design_effect / n_images
    return Pilot(
        source="readings of the present model",
        rate=rate,
        rate_range=_range(rate, variance / rate**2),
        spread=spread,
        n_seeds=n_seeds,
        n_images=n_images,
        design_effect=design_effect,
        notes=(trainings, f"The arms of a pair are as alike by their seed {_AS_TYPICAL}"),
    )


def pilot_from_both(
    before_SN: npt.ArrayLike,
    after_TN: npt.ArrayLike,
    groups_N: npt.ArrayLike | None = None,
    *,
    paired: bool = True,
) -> Pilot:
    """Return a pilot from readings of both arms on the same images.

    Parameters
    ----------
    before_SN, after_TN : array_like of 0 and 1, shape [S, N] and [T, N]
        Whether a seed reads image n of class i as j, before and after a fix.
    groups_N : array_like of int or str, shape [N], optional
        The group (writer, patient) of each image.
    paired : bool
        Whether row s of both is the same seed; then S = T.

    Returns
    -------
    Pilot
        The variances of the difference are those observed, whatever the reduction. Where too few
        images changed to tell, or with one seed a side, it falls back to `pilot_from_errors`.

    Raises
    ------
    JudgeError
        As `pilot_from_errors`, and if the shapes do not fit.
    """
    pilot = pilot_from_errors(before_SN, groups_N)
    before, after = _flags("errors before", before_SN), _flags("errors after", after_TN)
    if before.shape[1] != after.shape[1] or (paired and before.shape != after.shape):
        msg = (
            f"errors before have shape {before.shape} and those after {after.shape}; a pilot of "
            "both arms is paired: give the same seeds and images, or the present model alone."
        )
        raise JudgeError(msg)
    n_images = before.shape[1]
    groups = groups_or_none(groups_N, n_images)
    counts = count_by_part(before, after, paired=paired, groups=groups)
    (components,) = components_of(counts)
    n_seeds = seeds_per_arm(counts.n_seeds)
    if components is None or n_seeds == 1:
        why = "One seed a side" if n_seeds == 1 else "Too few images changed in the pilot"
        note = f"{why}: the plan rests on the present model alone."
        return pilot.model_copy(update={"notes": (note, *pilot.notes)})
    notes = ["The fix to come varies over seeds and images as the one in the pilot did."]
    if n_seeds <= FEW_SEEDS:
        notes.append(f"{n_seeds} seeds hardly tell how much trainings differ: the answer is noisy.")
    seed, image, rest = components
    return pilot.model_copy(
        update={
            "source": "readings of both arms",
            "both": Components(seed, image / pilot.design_effect, rest / pilot.design_effect),
            "both_df": float(variance_of(counts, weights_of(counts))[1][0]),
            "changed": float(counts.full.changed_C[0] / n_images),
            "n_seeds": n_seeds,
            "notes": tuple(notes),
        }
    )


def _flags(name: str, errors_SN: npt.ArrayLike) -> BoolArray:
    errors = whole_numbers(name, errors_SN, 2)
    if errors.min() < 0 or errors.max() > 1:
        msg = f"{name} holds {errors.max()}; allowed are 0 and 1: give flags."
        raise JudgeError(msg)
    return errors.astype(np.bool_)


def _rate(n_errors: int, n_readings: int) -> float:
    """Return the rate, which must not be 0 or 1."""
    if not 0 < n_errors < n_readings:
        what = "no error" if n_errors == 0 else "nothing but errors"
        msg = (
            f"the pilot holds {what} of this cell in {n_readings:,} readings; a plan needs a rate "
            "between 0 and 1: name another cell, or give a rate."
        )
        raise JudgeError(msg)
    return n_errors / n_readings


def _spread(counts: Counts, rate: float, n_independent: float) -> Heterogeneity:
    """Return how unlike images and trainings are; what a single seed cannot tell is `TYPICAL`."""
    n_seeds = counts.n_seeds[0]
    if n_seeds == 1:
        return TYPICAL
    parts = terms_of(counts, weights_of(counts))
    seed_term, image_term, residual = (
        float(term[0]) for term in (parts.seed, parts.image, parts.residual)
    )
    image = max(image_term - residual, 0.0) * n_independent / (rate * (1 - rate))
    seed = (seed_term - residual) * n_seeds / rate**2
    weighed = ((n_seeds - 1) * seed + _TYPICAL_DF * TYPICAL.seed) / (n_seeds - 1 + _TYPICAL_DF)
    return TYPICAL.model_copy(update={"image": min(image, 0.98), "seed": max(weighed, 0.0)})


def _range(rate: float, relative_variance: float) -> tuple[float, float]:
    """Return the range of 80% of a rate, on the log scale so that it stays above 0."""
    factor = math.exp(float(scipy.special.ndtri(0.9)) * math.sqrt(relative_variance))
    return rate / factor, min(rate * factor, (1 + rate) / 2)
