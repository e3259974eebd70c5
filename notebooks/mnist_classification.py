# %% [markdown]
# # Four dense networks, and why one number each is not enough
#
# Four networks read handwritten digits. A well-known comparison trains each of them **once**, sets
# the four accuracies side by side, and draws conclusions about depth, width and dropout.
#
# We look at the data, build the same networks, train each several times, and then ask which of the
# conclusions survive.

# %%
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
from IPython.display import display

from misread.data.dataset import to_float
from misread.data.parts import split
from misread.data.sources import load
from misread.learn.models import build
from misread.learn.reader import read
from misread.learn.train import fit, set_up_backend
from misread.show.claims import claim_lines, difference_table
from misread.show.figures.confusion import confusion_matrix
from misread.show.figures.samples import sample_predictions
from misread.show.figures.training_curves import arm_curves
from misread.show.notebook import show
from misread.show.style import BLUE, GREEN, MUTED, ORANGE, VERMILLION, Sheet, bare, styled
from misread.show.table import Table
from misread.study.conclude import conclude
from misread.study.file import load_study
from misread.study.run import run_study

set_up_backend()  # the same seeds give the same numbers

# %% tags=["parameters"] quick="SEEDS, EPOCHS, SMOKE = (1, 2), 1, True"
SEEDS = (1, 2, 3)  # trainings of each network
EPOCHS = 10
SMOKE = False  # few images, to see that it runs

# %% [markdown]
# ## What is claimed?
#
# The study is a file in the package: four recipes, and the conclusions as data.

# %%
study = load_study("dense-four", seeds=SEEDS, epochs=EPOCHS, smoke=SMOKE)
show(
    Table(
        "",
        ("name", "hidden layers", "dropout after them", "documented accuracy"),
        tuple(
            (
                name,
                ", ".join(str(width) for width in arm.recipe.hidden),
                ", ".join(f"{rate:g}" for rate in arm.recipe.dropouts) or "none",
                f"{arm.documented:.2%}",
            )
            for name, arm in study.arms.items()
        ),
    )
)

# %%
show("\n".join(f"- {claim.text}." for claim in study.claims))

# %% [markdown]
# ## What does the data look like?

# %%
train, test = load("mnist")
show(
    Table(
        "",
        ("part", "images", "pixels", "values", "classes"),
        tuple(
            (
                name,
                f"{len(part):,}",
                f"{part.images.shape[1]}×{part.images.shape[2]}",
                f"{part.images.dtype}, {part.images.min()} to {part.images.max()}",
                f"{part.n_classes}",
            )
            for name, part in (("training", train), ("test", test))
        ),
    )
)


# %%
@styled
def data_figure(per_class=8):
    counts_K = np.bincount(train.labels_N)
    sheet = Sheet(
        10.0,
        5.6,
        f"{len(train):,} training images, {counts_K.min():,} to {counts_K.max():,} of a class",
        "The first of each class, and how many there are.",
    )
    for label in range(train.n_classes):
        top = 0.05 + 0.55 * label
        for along, image in enumerate(train.images[train.labels_N == label][:per_class]):
            sheet.image(0.35 + 0.55 * along, top, 0.5, image)
    axes = sheet.axes(5.2, 0.05, 4.0, 5.45)
    bare(axes)
    axes.barh(range(10), counts_K, color=BLUE, height=0.7)
    axes.set(ylim=(9.5, -0.5), xticks=[], yticks=range(10))
    for label, count in enumerate(counts_K):
        axes.text(count - 100, label, f"{count:,}", va="center", ha="right", color="white")
    return sheet.figure


show(data_figure())

# %% [markdown]
# The classes are nearly balanced, so plain accuracy is a fair measure: always answering the most
# frequent class would give this much.

# %%
show(f"{np.bincount(test.labels_N).max() / len(test):.1%}")

# %% [markdown]
# ## What must be done before training?
#
# Little. Pixels are scaled from 0…255 to 0…1, because a network's first weights expect numbers of
# that size; flattening 28×28 to 784 is the network's own first layer. And the images are parted:
# *fit* trains, *select* (a tenth, with the classes in proportion) shows the progress, and the test
# set, *confirm*, is kept shut.

# %%
fit_ids, select_ids = split(train.labels_N, fold=0)
scaled = to_float(train.images[:100])
assert not set(fit_ids) & set(select_ids)
assert len(fit_ids) + len(select_ids) == len(train)
show(
    f"Scaled: {scaled.dtype}, {scaled.min():g} to {scaled.max():g}, shape {scaled.shape}. "
    f"*Fit* has {len(fit_ids):,} images, *select* {len(select_ids):,}, and none is in both."
)

# %% [markdown]
# ## How is a network built?
#
# A recipe is data: widths, dropout rates, epochs. `build` makes the Keras model of it.

# %%
networks = {
    name: build(arm.recipe, (*train.images.shape[1:], 1), train.n_classes, seed=SEEDS[0])
    for name, arm in study.arms.items()
}
show(
    Table(
        "",
        ("name", "layers", "parameters"),
        tuple(
            (
                name,
                " → ".join(type(layer).__name__ for layer in net.layers[1:]),
                f"{net.count_params():,}",
            )
            for name, net in networks.items()
        ),
    )
)

# %% [markdown]
# Where do the parameters of exp1 come from? Each of 128 units has a weight per pixel and a bias,
# each of 10 outputs a weight per unit and a bias.

# %%
by_hand = (28 * 28 + 1) * 128 + (128 + 1) * 10
assert by_hand == networks["exp1"].count_params()
show(f"(784 + 1) · 128 + (128 + 1) · 10 = {by_hand:,}")

# %% [markdown]
# Before it has learnt anything, the network already gives ten numbers that sum to one. They are
# worth nothing yet:

# %%
untrained_NK = read(networks["exp1"], test.images[:1000])
assert np.allclose(untrained_NK.sum(axis=1), 1, atol=1e-5)
show(f"Untrained it reads {(untrained_NK.argmax(axis=1) == test.labels_N[:1000]).mean():.1%}.")

# %% [markdown]
# ## How does it learn?
#
# By small steps downhill. One epoch shows each image once; two are enough to see where it goes.

# %%
part = train.take(fit_ids[:2000] if SMOKE else fit_ids)
recipe = study.arms["exp1"].recipe.model_copy(update={"epochs": 2})
_, epochs = fit(recipe, None, SEEDS[0], part, train.take(select_ids))
show(
    Table(
        "",
        ("epoch", "loss on fit", "right on fit", "right on select"),
        tuple(
            (f"{e.epoch}", f"{e.loss:.3f}", f"{e.accuracy:.1%}", f"{e.select_accuracy:.1%}")
            for e in epochs
        ),
    )
)

# %% [markdown]
# ## All four, several times
#
# The same in one line for four networks and all seeds, on all cores; the plan with its claims is
# written and hashed before the test images are opened. A seed fixes the first weights, the order of
# the images and what dropout drops.

# %%
folder = tempfile.TemporaryDirectory(prefix="dense-four-")
run_study(study, Path(folder.name))
evidence = conclude(Path(folder.name))
outcome = evidence.accuracies
show(
    Table(
        "",
        ("network", "parameters", *(f"seed {seed}" for seed in SEEDS), "mean", "fit less test"),
        tuple(
            (
                f"{name}: {arm.label}",
                f"{arm.parameters:,}",
                *(f"{accuracy:.2%}" for accuracy in arm.accuracy.per_seed),
                f"{arm.accuracy.mean:.2%}",
                f"{100 * arm.gap.mean:.2f} points",
            )
            for name, arm in outcome.arms.items()
        ),
    )
)

# %% [markdown]
# *Fit less test* is what a network knows by heart and cannot use. Compare exp2 with exp3, which
# differ by dropout only.
#
# ## Why is one seed not enough?
#
# Look along the rows: the same network, trained again, has another accuracy. Suppose that four
# people each train one of the networks once, as in the documented comparison. Which network would
# they declare the best? Try every combination of the seeds we have.

# %%
accuracy_AS = np.array([arm.accuracy.per_seed for arm in outcome.arms.values()])
names = list(outcome.arms)
best = [
    int(np.argmax([accuracy_AS[a, s] for a, s in enumerate(pick)]))
    for pick in product(range(len(SEEDS)), repeat=len(names))
]
exp1_ahead = (accuracy_AS[0][:, None] > accuracy_AS[1][None, :]).mean()
show(
    f"Declared the best, in {len(best)} combinations: "
    + ", ".join(f"{name} {best.count(a) / len(best):.0%}" for a, name in enumerate(names))
    + f". And “deeper alone hurts” (exp1 ahead of exp2) is found in {exp1_ahead:.0%} of the pairs."
)


# %%
@styled
def standing_figure():
    sheet = Sheet(
        10.0,
        3.6,
        "Each dot is a training; the documented comparison has a single one",
        "Accuracy on the test images. Bars: mean with its 95% interval over seeds and images; "
        "crosses: documented.",
    )
    axes = sheet.axes(2.6, 0.1, 6.9, 2.9)
    bare(axes, keep="bottom")
    axes.grid(visible=True, axis="x")
    colours = (MUTED, ORANGE, GREEN, BLUE)
    for row, ((name, arm), colour) in enumerate(zip(outcome.arms.items(), colours, strict=True)):
        own = arm.accuracy
        axes.hlines(row, own.low, own.high, color=colour, lw=3)
        axes.plot([own.mean], [row], "|", color=colour, ms=18, mew=3)
        axes.plot(own.per_seed, [row - 0.22] * len(own.per_seed), "o", color=colour, ms=6)
        if arm.documented:
            axes.plot([arm.documented.accuracy], [row + 0.22], "x", color=VERMILLION, ms=8, mew=2.2)
        axes.annotate(
            f"{name}: {arm.label}",
            (0, row),
            xycoords=("axes fraction", "data"),
            xytext=(-8, 0),
            textcoords="offset points",
            ha="right",
            va="center",
        )
    axes.set(ylim=(3.6, -0.6), yticks=[])
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.1%}")
    return sheet.figure


show(standing_figure())

# %% [markdown]
# ## Which differences are real?
#
# The interval has to hold against other trainings *and* other test images. The networks are paired:
# the same seed, the same images, so what is common to both cancels. p is corrected (Holm) for the
# number of comparisons.

# %%
show(difference_table(evidence))

# %% [markdown]
# And the conclusions? The study also names the smallest difference that would be worth having. Each
# conclusion gets one of three answers.

# %%
show(
    Table(
        "",
        ("claim", "measured", "answer with so few seeds"),
        tuple(
            (claim.text, "; ".join(claim_lines(evidence, claim)), claim.verdict)
            for claim in outcome.claims
        ),
    )
)

# %% [markdown]
# *Too small to tell here* is an answer: more seeds (`misread run dense-four` has ten) or more test
# images may tell, or the difference is not worth telling.
#
# ## How did they train?

# %%
for name in outcome.arms:
    display(show(arm_curves(evidence, name)))

# %% [markdown]
# ## What do they confuse?

# %%
show(confusion_matrix(evidence, evidence.best))

# %% [markdown]
# ## Right and wrong, and how sure
#
# A network gives a probability with each answer. Look at the wrong ones: some are hard for people,
# and the network is sure of some of them all the same.

# %%
show(sample_predictions(evidence))

# %%
probs_NK = evidence.runs[evidence.best].probs_SNK[0]
right_N = probs_NK.argmax(axis=1) == evidence.confirm.labels_N
sure_N = probs_NK.max(axis=1)
show(
    Table(
        "",
        ("readings", "images", "mean confidence", "of them above 99%"),
        tuple(
            (
                name,
                f"{hit.sum():,}",
                f"{sure_N[hit].mean():.1%}",
                f"{(sure_N[hit] > 0.99).mean():.0%}",
            )
            for name, hit in (("right", right_N), ("wrong", ~right_N))
        ),
    )
)

# %% [markdown]
# ## What to take home
#
# 1. A number from one training is a draw, not a property of the network.
# 2. Compare with the same seeds and the same images, and give an interval that holds for both.
# 3. Say beforehand what difference would matter, and have an answer for "cannot tell".
# 4. Look at the wrong readings. An accuracy of 98% does not say which two.

# %%
folder.cleanup()
