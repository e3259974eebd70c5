# %% [markdown]
# # Is the second model better where it matters?
#
# Two scikit-learn models read small digits. The second one is known to be better on the whole. We
# ask something narrower, as one does before a release: **does it make one particular confusion
# rarer, and what does it break?** No network is trained here and Keras is never loaded: the judge
# needs predictions, nothing else.
#
# You will see
#
# 1. how to choose a confusion without cheating,
# 2. how to say beforehand what the data can show,
# 3. a verdict, and how to read it,
# 4. the judge on a comparison where there is *nothing* to find.

# %%
import sys
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split

from misread import Margins, atlas, from_models, judge_fix, pilot_from_errors, plan_power

# %% tags=["parameters"] quick="SEEDS, N_SINGLE = range(4), 3"
SEEDS = range(10)  # trainings of each model
N_SINGLE = 10  # trainings that the last section compares one by one

# %% [markdown]
# ## The data
#
# 1,797 digits of 8×8 pixels come with scikit-learn. We cut them into three parts, each with a duty
# of its own: *fit* trains, *select* chooses the question, *confirm* answers it, once.

# %%
images, labels = load_digits(return_X_y=True)
fit_X, rest_X, fit_y, rest_y = train_test_split(
    images, labels, train_size=600, stratify=labels, random_state=0
)
select_X, confirm_X, select_y, confirm_y = train_test_split(
    rest_X, rest_y, train_size=400, stratify=rest_y, random_state=0
)
parts = {"fit": fit_y, "select": select_y, "confirm": confirm_y}
pd.DataFrame(
    {
        name: {"images": len(y), "fewest of a class": np.bincount(y).min()}
        for name, y in parts.items()
    }
).T

# %%
figure, axes = plt.subplots(2, 10, figsize=(9, 2.1))
figure.suptitle("Eight by eight pixels: the first two of each class in fit")
for label, column in enumerate(axes.T):
    for place, image in zip(column, fit_X[fit_y == label], strict=False):
        place.imshow(image.reshape(8, 8), cmap="gray")
        place.axis("off")

# %% [markdown]
# ## Two models, several trainings each
#
# *Before* is a forest of 5 trees, *after* one of 100 trees of another kind. Both draw at random
# when they train. One training of each would tell us about two trained models; we want to know
# about two ways of training, so each is trained once per seed. `from_models` lets them all read.

# %%
before_models = [RandomForestClassifier(5, random_state=s).fit(fit_X, fit_y) for s in SEEDS]
after_models = [ExtraTreesClassifier(100, random_state=s).fit(fit_X, fit_y) for s in SEEDS]

on_select = from_models(before_models, select_X, select_y, seeds=SEEDS)
right = {
    "before": (on_select.preds_SN == select_y).mean(axis=1),
    "after": [model.score(select_X, select_y) for model in after_models],
}
pd.DataFrame(right).agg(["mean", "min", "max"]).T.style.format("{:.1%}")

# %% [markdown]
# So *after* is better on the whole. That answers another question than ours.

# %% [markdown]
# ## Which confusion?
#
# A cell i→j is a true class i that is read as j. The atlas ranks those of *select* over all
# trainings, because a cell that is large in one training only is luck. It also tells how often each
# image is misread: *hard-core* in at least 80% of the trainings, *coin-flip* in 20 to 80%,
# *flicker* in fewer.

# %%
cells = atlas(select_y, on_select.preds_SN)
cells

# %%
top = cells[0]
TARGET = f"{top.true}:{top.predicted}"
Markdown(f"The question is settled: **does {top.true}→{top.predicted} become rarer?**")

# %% [markdown]
# ## What can these data show?
#
# Ask this *before* opening *confirm*; afterwards it is an excuse. The pilot is what *before* read
# on *select*; of *confirm* we count only the labels.

# %%
errors_SN = (on_select.preds_SN == top.predicted)[:, select_y == top.true]
plan_power(
    pilot_from_errors(errors_SN),
    cell=f"{top.true}→{top.predicted}",
    n_seeds=len(SEEDS),
    n_images=int((confirm_y == top.true).sum()),
    reduction=0.5,
)

# %% [markdown]
# And damage? With so few images of a class a single one is more than a percentage point of its
# recall; finer margins than that could never be shown to hold. So we allow five points per class
# and per cell, and one of accuracy, and say so before we look.

# %%
MARGINS = Margins(accuracy=0.01, recall=0.05, cell=0.05)

# %% [markdown]
# ## The verdict
#
# Now *confirm* is opened. Both sides read the same images with the same seeds.

# %%
before = from_models(before_models, confirm_X, confirm_y, seeds=SEEDS)
after = from_models(after_models, confirm_X, confirm_y, seeds=SEEDS)
verdict = judge_fix(
    before, after, cells=[TARGET], margins=MARGINS, reduction=0.5, arm="100 extra trees"
)
verdict

# %% [markdown]
# How to read it:
#
# - **The word first.** REDUCED: shown. NOT SHOWN: it would have been found. UNDERPOWERED: nobody
#   can know from these data. HARM: something got worse by more than its margin.
# - **The interval** holds against other trainings *and* other images of the kind. An interval over
#   trainings alone would be narrower, and wrong for the next test set.
# - **Undetermined** is not safe. "No significant damage" says nothing where none could be seen.
#
# The largest of 90 cells is usually large by luck, too. That is why *before* is measured anew on
# *confirm*:

# %%
rate_select = errors_SN.mean()
rate_confirm = (before.preds_SN == top.predicted)[:, confirm_y == top.true].mean()
Markdown(
    f"Before, {top.true}→{top.predicted} was {rate_select:.1%} of its class on *select*, where it "
    f"was chosen, and {rate_confirm:.1%} on *confirm*. The verdict rests on the second number only."
)

# %% [markdown]
# Which other confusions may have become worse? Here the better model is not free of suspicion. The
# six of which least can be excluded (*scanned*: need not be safe, and is not harmed):

# %%
pd.DataFrame(
    {
        "item": item.name,
        "status": item.status,
        "before": f"{item.before:.1%}",
        "after": f"{item.after:.1%}",
        "at worst": f"{100 * item.effect.high:+.1f} points",
    }
    for item in sorted(verdict.collateral, key=lambda item: -item.effect.high)[:6]
)

# %% [markdown]
# ## Which images are behind it?
#
# A cell of three errors per training can be three hopeless images, or thirty that are each misread
# now and then. The first asks for better data, the second for a steadier model. The verdict has the
# atlas of its cell on both sides.

# %%
(cell,) = verdict.cells
sides = {"before": cell.atlas_before, "after": cell.atlas_after}
shares = pd.DataFrame(
    {
        name: {image.image: image.share for kind in side.kinds.values() for image in kind}
        for name, side in sides.items()
    }
).fillna(0)
worst = shares.sort_values("before", ascending=False).head(9)
figure, axes = plt.subplots(1, 9, figsize=(9.5, 2.1))
figure.suptitle(
    f"{(shares['before'] > 0).sum()} images are behind {TARGET.replace(':', '→')} before, "
    f"{(shares['after'] > 0).sum()} after"
)
for place, (image, share) in zip(axes, worst.iterrows(), strict=False):
    place.imshow(confirm_X[image].reshape(8, 8), cmap="gray")
    place.set_title(f"{share['before']:.0%} → {share['after']:.0%}", fontsize=8)
for place in axes:
    place.axis("off")

# %%
pd.DataFrame(
    {
        name: {kind: len(images) for kind, images in side.kinds.items()}
        for name, side in sides.items()
    }
).T

# %% [markdown]
# More trees make a steadier model: the occasional errors go, the hopeless images stay.

# %% [markdown]
# ## Where there is nothing to find
#
# A method that finds effects is worth something only if it finds none where there are none. The
# smallest test: the same recipe twice, with other seeds. Every difference is luck, and no verdict
# may call it a reduction. (The seeds differ, so there are no pairs, and the judge says so.)

# %%
again_seeds = [100 + s for s in SEEDS]
again_models = [RandomForestClassifier(5, random_state=s).fit(fit_X, fit_y) for s in again_seeds]
again = from_models(again_models, confirm_X, confirm_y, seeds=again_seeds)
null = judge_fix(
    before,
    again,
    cells=[TARGET],
    margins=MARGINS,
    reduction=0.5,
    paired=False,
    arm="the same again",
)
assert null.verdict not in {"REDUCED", "HARM"}
null

# %% [markdown]
# And the same *trained models* on both sides, error for error? Then p is 1, not 0 and not an error.

# %%
same = judge_fix(before, before, cells=[TARGET], margins=MARGINS, arm="the same models")
assert same.verdict != "REDUCED"
assert same.cells[0].effect.p_value == 1
Markdown(f"**{same.verdict}**, p = {same.cells[0].effect.p_value:g}.")

# %% [markdown]
# ## Why not compare one training with one training?
#
# It is what most people do. Take trainings of the *same* recipe two at a time, and look at the cell
# only: how often does the second one look "at least 30% better"?

# %%
errors_S = [
    int((preds_N == top.predicted)[confirm_y == top.true].sum())
    for preds_N in before.preds_SN[:N_SINGLE]
]
pairs = [(a, b) for a, b in combinations(range(len(errors_S)), 2)]
pairs += [(b, a) for a, b in pairs]
looks_better = sum(errors_S[b] <= 0.7 * errors_S[a] and errors_S[a] > 0 for a, b in pairs)
reduced = 0
for a, b in pairs:
    one, other = before.of_seeds([a]), before.of_seeds([b])
    word = judge_fix(one, other, cells=[TARGET], margins=MARGINS, paired=False).verdict
    reduced += word == "REDUCED"
Markdown(
    f"The same recipe makes {min(errors_S)} to {max(errors_S)} such errors, by luck alone. Of "
    f"{len(pairs)} comparisons the second training looks at least 30% better in "
    f"**{looks_better}**, and the judge says REDUCED in {reduced}: “these two models only”."
)

# %% [markdown]
# Those verdicts are not wrong: *these two* trained models do differ on these images. But a recipe
# is not better than itself. Only several trainings of each can tell a better recipe from a lucky
# training.
#
# Was any of this done by a deep-learning library behind our back?

# %%
assert not {"keras", "tensorflow", "torch", "jax"} & set(sys.modules)
Markdown("None is loaded.")

# %% [markdown]
# To do this with your own models, replace three lines: the data, and the two lists of models.
# Anything with `predict` will do; for files, frames and scores see `docs/judge.md`.
