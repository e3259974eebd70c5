# %% [markdown]
# # Can we teach a network not to read fours as nines?
#
# A convolutional network reads 99% of handwritten digits correctly. Among what is left, fours read
# as nines stand out. A well-known remedy: thicken some fours and thin some nines while training, so
# that the network stops looking at the wrong thing. It is reported to work *with no collateral
# damage*.
#
# We try it here by hand, step by step: find the confusion, look at it, look at the remedy, plan,
# train, judge. `misread run four-nine` does the same in one command, with more seeds and arms.

# %%
from itertools import product

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from scipy import ndimage
from skimage.morphology import skeletonize

from misread import (
    Predictions,
    atlas,
    from_models,
    judge_fix,
    load_data,
    pilot_from_errors,
    plan_power,
    read_predictions,
)

# %% tags=["parameters"] quick="SEEDS, N_FIT, N_SELECT, EPOCHS = (0, 1), 1500, 1000, 1"
SEEDS = (0, 1, 2)  # trainings of each arm
N_FIT, N_SELECT = 12_000, 20_000  # images to learn from, and to look at: so that it takes minutes
EPOCHS = 3
TARGET = (4, 9)

# %% [markdown]
# ## Three parts, three duties
#
# *Fit* trains. *Select* is where we look around and choose. *Confirm*, the test set, is opened
# once, at the end, by a plan that we have written down before.

# %%
train, confirm = load_data("mnist")
order = np.random.default_rng(0).permutation(len(train))
fit, select = train.take(order[:N_FIT]), train.take(order[N_FIT : N_FIT + N_SELECT])


def trained(seed, treat=None):
    """Train one network; a treatment changes the images anew in each epoch."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    for _ in range(EPOCHS):
        images = treat(fit.images.copy(), fit.labels_N, rng) if treat else fit.images
        model.fit(images[..., None], fit.labels_N, batch_size=64, verbose=0)
    return model


def read(models, images, labels_N):
    return from_models(
        models, images[..., None], labels_N, seeds=SEEDS, class_names=confirm.class_names
    )


models = {"baseline": [trained(seed) for seed in SEEDS]}
on_select = read(models["baseline"], select.images, select.labels_N)
right_S = (on_select.preds_SN == select.labels_N).mean(axis=1)
pd.DataFrame({"seed": SEEDS, "right on select": [f"{right:.2%}" for right in right_S]}).style.hide()

# %% [markdown]
# ## Which confusion?

# %%
cells = atlas(select.labels_N, on_select.preds_SN)
cells

# %%
place, target = next(
    (place, cell) for place, cell in enumerate(cells, 1) if (cell.true, cell.predicted) == TARGET
)
Markdown(
    f"4→9 is number {place} of {len(cells)}, with {target.errors_per_seed:.1f} errors a seed. The "
    "remedy was made for it, so we keep it wherever it ranks today; with few seeds ranks are soft "
    "anyway. Left to itself, `misread run` takes the first."
)

# %% [markdown]
# ## What do they look like?
#
# Never treat what you have not looked at. These are fours of *select* that networks read as nines,
# those first that most seeds read so.

# %%
misread_fours = [image for kind in target.kinds.values() for image in kind]
figure, axes = plt.subplots(2, 8, figsize=(9.5, 3))
figure.suptitle(
    f"{len(misread_fours)} fours read as nines on select, and by how many of {len(SEEDS)} seeds"
)
for axis, four in zip(axes.flat, misread_fours, strict=False):
    axis.imshow(select.images[four.image], cmap="gray")
    axis.set_title(f"{four.share:.0%}", fontsize=9)
for axis in axes.flat:
    axis.axis("off")

# %% [markdown]
# Many are closed at the top or nearly so. Is it the thickness of the pen, as the remedy assumes?
# Measure it, instead of guessing.


# %%
def thickness_px(images):
    """Return the mean thickness of strokes: pixels of ink per pixel of their middle line."""
    return np.mean([(ink > 127).sum() / skeletonize(ink > 127).sum() for ink in images])


fours = select.images[select.labels_N == TARGET[0]][:600]
as_nines = select.images[[four.image for four in misread_fours]]
Markdown(
    f"The stroke of a four is {thickness_px(fours):.2f} px thick on average; of "
    f"those that are read as nines it is {thickness_px(as_nines):.2f} px."
)

# %% [markdown]
# If the two hardly differ, a thin or thick pen is not what makes a four look like a nine. A remedy
# that works on the pen must then work in some other way, or not at all.
#
# ## What does the remedy do to an image?
#
# *Dilate* thickens strokes, *erode* thins them; the size is that of the pen in pixels. Look before
# training.


# %%
def dilate(images, size):
    return ndimage.grey_dilation(images, size=(1, size, size))


def erode(images, size):
    return ndimage.grey_erosion(images, size=(1, size, size))


columns = [None, *product((dilate, erode), (1, 2, 3))]
figure, axes = plt.subplots(4, len(columns), figsize=(9.5, 6))
figure.suptitle("Size 1 changes nothing; thick fours close, thin nines fade")
pairs = [fit.images[fit.labels_N == label][:2] for label in TARGET]
for row, image in zip(axes, np.concatenate(pairs), strict=True):
    for axis, column in zip(row, columns, strict=True):
        done = image if column is None else column[0](image[None], column[1])[0]
        axis.imshow(done, cmap="gray")
        axis.axis("off")
for axis, column in zip(axes[0], columns, strict=True):
    axis.set_title("as it is" if column is None else f"{column[0].__name__} {column[1]}")

# %% [markdown]
# ## Which policy, and which control?
#
# A policy says which operations are drawn for which classes, how often, and how strongly. The
# documented one draws sizes 1 and 2 for 12% of the images: at size 1 nothing happens, so only half
# of it is at work. We take the firm dose, sizes 2 and 3.
#
# And we add a control. The policy does *two* things: it shows more kinds of strokes, and it makes
# the stroke a sign of the class (thick: four; thin: nine). The control *both* draws both operations
# for both classes: the same variety, no sign. If *firm* owes its effect to variety, *both* has it
# too.


# %%
def policy(of_class, share=0.12):
    def treat(images, labels_N, rng):
        for label, operations in of_class.items():
            drawn = np.flatnonzero((labels_N == label) & (rng.random(len(labels_N)) < share))
            for n in drawn:
                operation = operations[rng.integers(len(operations))]
                images[n] = operation(images[n][None], rng.integers(2, 4))[0]
        return images

    return treat


arms = {
    "firm": policy({4: [dilate], 9: [erode]}),
    "both": policy({4: [dilate, erode], 9: [dilate, erode]}),
}
treated = {
    name: arm(fit.images.copy(), fit.labels_N, np.random.default_rng(0))
    for name, arm in arms.items()
}
pd.Series(
    {
        name: f"{(images != fit.images).any(axis=(1, 2)).sum():,}"
        for name, images in treated.items()
    },
    name=f"of {len(fit):,} images changed in an epoch",
).to_frame()

# %% [markdown]
# ## What could so few seeds show?
#
# Ask *before* training the arms. From *select* we know how frequent the error is; of *confirm* we
# count the labels, nothing else.

# %%
errors_SN = (on_select.preds_SN == TARGET[1])[:, select.labels_N == TARGET[0]]
answer = plan_power(
    pilot_from_errors(errors_SN),
    cell="4→9",
    n_seeds=len(SEEDS),
    n_images=int((confirm.labels_N == TARGET[0]).sum()),
    reduction=0.3,
)
answer

# %%
Markdown(answer.warning or "This plan is worth its while.")

# %% [markdown]
# Read this as a warning to ourselves: whatever the next section says about the *target*, a "not
# shown" will not mean "does not work". Damage is another matter. If thickness becomes a sign of the
# class, thin fours suffer by much more than a third, and that even few seeds can show.
#
# ## The plan
#
# Target 4→9. Arms *firm* and *both* against the baseline, the same seeds, hence the same initial
# weights and the same batches. Besides every class and every other confusion we watch
# **counter-slices**: each target class under each operation of the policy. They ask what the clean
# test set cannot: what if a *four* is thin?

# %%
views = list(product((dilate, erode), (2, 3), TARGET))


def named(operation, size, label):
    return f"{operation.__name__} {size} px · {label}"


Markdown(", ".join(named(*view) for view in views))

# %% [markdown]
# ## Train and read
#
# Only now *confirm* is opened.

# %%
models |= {name: [trained(seed, arm) for seed in SEEDS] for name, arm in arms.items()}
sides = {}
for name, of_arm in models.items():
    side = read(of_arm, confirm.images, confirm.labels_N)
    for operation, size, label in views:
        part = confirm.take(np.flatnonzero(confirm.labels_N == label))
        seen = read(of_arm, operation(part.images, size), part.labels_N)
        side = side.with_slice(named(operation, size, label), seen)
    sides[name] = side


def errors_S(side, true, predicted):
    return ((side.preds_SN == predicted) & (side.labels_N == true)).sum(axis=1)


pd.DataFrame(
    {
        name: {
            "right on confirm": f"{(side.preds_SN == side.labels_N).mean():.2%}",
            "4→9 per seed": ", ".join(map(str, errors_S(side, 4, 9))),
            "9→4 per seed": ", ".join(map(str, errors_S(side, 9, 4))),
        }
        for name, side in sides.items()
    }
).T

# %% [markdown]
# Stop and look at the single numbers. Whoever trained one seed of each would have told a story
# about any of these pairs.
#
# ## The verdicts

# %%
verdicts = {
    name: judge_fix(sides["baseline"], sides[name], cells=[TARGET], arm=name) for name in arms
}
verdicts["firm"]

# %%
verdicts["both"]

# %% [markdown]
# ## The trap
#
# The slices tell where it hurts. How often is a four read as a nine, and a nine as a four, when its
# stroke is thinner or thicker than usual?


# %%
def rate(side, step, true, predicted):
    part = side if step is None else side.slices[named(*step, true)]
    return (part.preds_SN[:, part.labels_N == true] == predicted).mean()


steps = [(erode, 3), (erode, 2), None, (dilate, 2), (dilate, 3)]
figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
thin = {arm: rate(side, steps[1], *TARGET) for arm, side in sides.items()}
figure.suptitle(
    f"A four whose stroke is 1 px thinner is read as a nine in {thin['firm']:.1%} instead of "
    f"{thin['baseline']:.1%}"
)
for axis, (true, predicted) in zip(axes, (TARGET, TARGET[::-1]), strict=True):
    for arm, side in sides.items():
        shares = [rate(side, step, true, predicted) for step in steps]
        axis.plot(range(5), shares, "o-", label=arm)
    axis.set_xticks(range(5), ["−2 px", "−1 px", "as it is", "+1 px", "+2 px"])
    axis.set_yscale("function", functions=(np.sqrt, np.square))  # small shares show too
    axis.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axis.set(title=f"{true} read as {predicted}", xlabel="stroke, thinner to thicker")
    axis.grid(axis="y", alpha=0.3)
axes[0].legend(frameon=False)
axes[0].set_ylim(0)
plt.show()

# %% [markdown]
# *Firm* has taught the network that thin means nine and thick means four: the fours get worse to
# the left and better to the right, the nines the other way round. On the clean test set, where
# thickness is mixed, the two nearly cancel, so accuracy shows nothing. *Both* has seen the same
# strokes without the sign, and does not do this; how it reads the very faintest strokes stays
# undetermined. What has the judge to say about the slices of *firm*?

# %%
slices = [item for item in verdicts["firm"].collateral if item.kind == "slice"]
pd.DataFrame(
    {
        "slice": item.name,
        "status": item.status,
        "before": f"{item.before:.1%}",
        "after": f"{item.after:.1%}",
        "worse by": f"{100 * item.effect.low:+.1f} to {100 * item.effect.high:+.1f} points",
    }
    for item in sorted(slices, key=lambda item: -item.effect.low)[:8]
)

# %% [markdown]
# ## Ten seeds, all images
#
# Our networks were trained in minutes on a part of the images. The repository holds what ten full
# trainings of the study with the *documented* dose read, slices included. First without the slices,
# as one would usually look:

# %%
STORED = "../docs/results/four-nine-readings.npz"
arrays = np.load(STORED)
names = [key.removesuffix(" ids") for key in arrays if key.endswith(" ids")]


def stored(arm, slices=()):
    """Return what ten trainings of an arm of the study read, with these slices."""
    side = read_predictions(f"{STORED}#{arm}")
    for name in slices:
        part = Predictions.from_arrays(
            arrays["labels"][arrays[f"{name} ids"]],
            arrays[f"{name} {arm}"],
            class_names=side.class_names,
            seeds=side.seeds,
        )
        side = side.with_slice(name, part)
    return side


plain = judge_fix(stored("baseline"), stored("documented"), cells=["4:9"])
Markdown(
    f"**{plain.verdict}**: {plain.reason} Of {plain.n_items} other things "
    f"{plain.n_safe} are safe, {plain.n_harmed} harmed, {plain.n_undetermined} undetermined."
)

# %% [markdown]
# And with them:

# %%
baseline_stored = stored("baseline", names)
judge_fix(baseline_stored, stored("documented", names), cells=["4:9"], arm="documented")

# %% [markdown]
# The control, again with ten seeds:

# %%
judge_fix(baseline_stored, stored("both", names), cells=["4:9"], arm="both")

# %% [markdown]
# ## What to take home
#
# 1. Look at the errors and at the treatment before you believe in either.
# 2. Plan: a few seeds cannot show a third fewer of a handful of errors. Saying so beforehand costs
#    nothing.
# 3. A treatment that differs by class can become a label. Test each class under the treatment of
#    the *other*, and train a control that has the treatment without the difference.
# 4. "Accuracy did not change" is no proof that nothing broke.
