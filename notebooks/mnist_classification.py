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

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from misread import conclude, figures_of, load_data, load_study, run_study

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
pd.DataFrame(
    {
        name: {
            "hidden layers": ", ".join(str(width) for width in arm.recipe.hidden),
            "dropout after them": ", ".join(f"{rate:g}" for rate in arm.recipe.dropouts) or "none",
            "documented accuracy": f"{arm.documented:.2%}",
        }
        for name, arm in study.arms.items()
    }
).T

# %%
Markdown("\n".join(f"- {claim.text}." for claim in study.claims))

# %% [markdown]
# ## What does the data look like?

# %%
train, test = load_data("mnist")
pd.DataFrame(
    {
        name: {
            "images": f"{len(part):,}",
            "pixels": f"{part.images.shape[1]}×{part.images.shape[2]}",
            "values": f"{part.images.dtype}, {part.images.min()} to {part.images.max()}",
            "classes": part.n_classes,
        }
        for name, part in (("training", train), ("test", test))
    }
).T

# %%
counts_K = np.bincount(train.labels_N)
figure, axes = plt.subplots(10, 9, figsize=(9, 6), width_ratios=[1] * 8 + [8])
figure.suptitle(
    f"{len(train):,} training images, {counts_K.min():,} to {counts_K.max():,} of a class"
)
for row, label in zip(axes, range(10), strict=True):
    for place, image in zip(row[:8], train.images[train.labels_N == label], strict=False):
        place.imshow(image, cmap="gray")
    row[8].barh(0, counts_K[label])
    row[8].text(100, 0, f"{counts_K[label]:,}", va="center", color="white")
    row[8].set_xlim(0, counts_K.max())
    for place in row:
        place.axis("off")

# %% [markdown]
# The classes are nearly balanced, so plain accuracy is a fair measure: always answering the most
# frequent class would give this much.

# %%
Markdown(f"{np.bincount(test.labels_N).max() / len(test):.1%}")

# %% [markdown]
# ## What must be done before training?
#
# Little. Pixels are scaled from 0…255 to 0…1, because a network's first weights expect numbers of
# that size; flattening 28×28 to 784 is the network's own first layer. And the images are parted:
# *fit* trains, *select* (a tenth; in a study another one for each seed) shows the progress, and the
# test set, *confirm*, is kept shut.

# %%
order = np.random.default_rng(0).permutation(len(train))
select, fit = (train.take(ids) for ids in np.split(order, [len(train) // 10]))
scaled = fit.images / np.float32(255)
Markdown(
    f"Scaled: {scaled.dtype}, {scaled.min():g} to {scaled.max():g}, shape {scaled.shape}. "
    f"*Fit* has {len(fit):,} images, *select* {len(select):,}, and none is in both."
)

# %% [markdown]
# ## How is a network built?
#
# A recipe is data: widths, dropout rates, epochs. In Keras it is a list of layers.


# %%
def network(recipe, seed):
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((28, 28)), keras.layers.Flatten()]
    for width, rate in zip(recipe.hidden, recipe.dropouts or (0, 0, 0), strict=False):
        layers += [keras.layers.Dense(width, activation=recipe.activation)]
        layers += [keras.layers.Dropout(rate)] if rate else []
    return keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])


networks = {name: network(arm.recipe, seed=SEEDS[0]) for name, arm in study.arms.items()}
pd.DataFrame(
    {
        name: {
            "layers": " → ".join(type(layer).__name__ for layer in net.layers),
            "parameters": f"{net.count_params():,}",
        }
        for name, net in networks.items()
    }
).T.style

# %% [markdown]
# Where do the parameters of exp1 come from? Each of 128 units has a weight per pixel and a bias,
# each of 10 outputs a weight per unit and a bias.

# %%
by_hand = (28 * 28 + 1) * 128 + (128 + 1) * 10
assert by_hand == networks["exp1"].count_params()
Markdown(f"(784 + 1) · 128 + (128 + 1) · 10 = {by_hand:,}")

# %% [markdown]
# Before it has learnt anything, the network already gives ten numbers that sum to one. They are
# worth nothing yet:

# %%
untrained_NK = networks["exp1"].predict(test.images[:1000] / np.float32(255), verbose=0)
assert np.allclose(untrained_NK.sum(axis=1), 1, atol=1e-5)
Markdown(f"Untrained it reads {(untrained_NK.argmax(axis=1) == test.labels_N[:1000]).mean():.1%}.")

# %% [markdown]
# ## How does it learn?
#
# By small steps downhill. One epoch shows each image once; two are enough to see where it goes.

# %%
recipe = study.arms["exp1"].recipe
some = slice(2000 if SMOKE else None)
networks["exp1"].compile(
    optimizer=keras.optimizers.Adam(recipe.learning_rate),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
learnt = networks["exp1"].fit(
    scaled[some],
    fit.labels_N[some],
    batch_size=recipe.batch_size,
    epochs=2,
    validation_data=(select.images / np.float32(255), select.labels_N),
    verbose=0,
)
heads = {"loss": "loss on fit", "accuracy": "right on fit", "val_accuracy": "right on select"}
pd.DataFrame(learnt.history, index=["epoch 1", "epoch 2"])[[*heads]].rename(columns=heads).round(3)

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
assert all(outcome.arms[name].parameters == net.count_params() for name, net in networks.items())
pd.DataFrame(
    {
        f"{name}: {arm.label}": {
            "parameters": f"{arm.parameters:,}",
            **{f"seed {s}": f"{a:.2%}" for s, a in zip(SEEDS, arm.accuracy.per_seed, strict=True)},
            "mean": f"{arm.accuracy.mean:.2%}",
            "fit less test": f"{100 * arm.gap.mean:.2f} points",
        }
        for name, arm in outcome.arms.items()
    }
).T

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
Markdown(
    f"Declared the best, in {len(best)} combinations: "
    + ", ".join(f"{name} {best.count(a) / len(best):.0%}" for a, name in enumerate(names))
    + f". And “deeper alone hurts” (exp1 ahead of exp2) is found in {exp1_ahead:.0%} of the pairs."
)


# %%
figure, axes = plt.subplots(figsize=(9, 3.2))
for row, arm in enumerate(outcome.arms.values()):
    own = arm.accuracy
    axes.errorbar(own.mean, row, xerr=[[own.mean - own.low], [own.high - own.mean]], fmt="|", lw=3)
    axes.plot(own.per_seed, [row - 0.22] * len(own.per_seed), "o", color="tab:blue")
    axes.plot(arm.documented.accuracy, row + 0.22, "x", color="tab:red")
axes.set(
    ylim=(3.6, -0.6),
    yticks=range(4),
    yticklabels=[f"{name}: {arm.label}" for name, arm in outcome.arms.items()],
    xlabel="accuracy on the test images; bars: mean with its 95% interval; crosses: documented",
    title="Each dot is a training; the documented comparison has a single one",
)
axes.xaxis.set_major_formatter(lambda x, _: f"{x:.1%}")
axes.grid(axis="x", alpha=0.3)

# %% [markdown]
# ## Which differences are real?
#
# The interval has to hold against other trainings *and* other test images. The networks are paired:
# the same seed, the same images, so what is common to both cancels. p is corrected (Holm) for the
# number of comparisons.

# %%
differences = pd.DataFrame(
    {
        "pair": f"{pair.better} − {pair.than}",
        "points": f"{100 * pair.difference:+.2f}",
        "95% interval": f"{100 * pair.low:+.2f} to {100 * pair.high:+.2f}",
        "p (Holm)": f"{pair.p_holm:.3f}",
        "seeds ahead": f"{pair.seeds_ahead} of {len(SEEDS)}",
    }
    for pair in outcome.differences
)
differences.style.hide()

# %% [markdown]
# And the conclusions? The study also names the smallest difference that would be worth having. Each
# conclusion gets one of three answers.


# %%
def measured(claim):
    if claim.arm:
        accuracy = outcome.arms[claim.arm].accuracy
        return f"{accuracy.mean:.2%} ({accuracy.low:.2%} to {accuracy.high:.2%})"
    return "; ".join(
        f"{test.better} − {test.than} {100 * test.difference:+.2f} points "
        f"({100 * test.low:+.2f} to {100 * test.high:+.2f})"
        for test in claim.tests
    )


answers = pd.DataFrame(
    {"claim": claim.text, "measured": measured(claim), "with so few seeds": claim.verdict.value}
    for claim in outcome.claims
)
answers.style.hide()

# %% [markdown]
# *Too small to tell here* is an answer: more seeds (`misread run dense-four` has ten) or more test
# images may tell, or the difference is not worth telling.
#
# ## How did they train?

# %%
figures = figures_of(evidence)  # all that the report of the study shows, by name
for name in outcome.arms:
    display(figures[f"training_curves_{name}"]())

# %% [markdown]
# ## What do they confuse?

# %%
figures[f"confusion_matrix_{evidence.best}"]()

# %% [markdown]
# ## Right and wrong, and how sure
#
# A network gives a probability with each answer. Look at the wrong ones: some are hard for people,
# and the network is sure of some of them all the same.

# %%
figures["sample_predictions"]()

# %%
probs_NK = evidence.runs[evidence.best].probs_SNK[0]
right_N = probs_NK.argmax(axis=1) == evidence.confirm.labels_N
sure_N = probs_NK.max(axis=1)
pd.DataFrame(
    {
        name: {
            "images": f"{hit.sum():,}",
            "mean confidence": f"{sure_N[hit].mean():.1%}",
            "of them above 99%": f"{(sure_N[hit] > 0.99).mean():.0%}",
        }
        for name, hit in (("right", right_N), ("wrong", ~right_N))
    }
).T

# %% [markdown]
# ## What to take home
#
# 1. A number from one training is a draw, not a property of the network.
# 2. Compare with the same seeds and the same images, and give an interval that holds for both.
# 3. Say beforehand what difference would matter, and have an answer for "cannot tell".
# 4. Look at the wrong readings. An accuracy of 98% does not say which two.

# %%
folder.cleanup()
