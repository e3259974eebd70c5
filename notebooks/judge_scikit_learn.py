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

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split

from misread.judge import (
    Margins,
    confusion_counts,
    judge,
    pilot_from_errors,
    plan_power,
    rank_cells,
)
from misread.readers.convert import from_models
from misread.show.figures.power import power_figure
from misread.show.notebook import show
from misread.show.style import BLUE, MUTED, VERMILLION, Sheet, bare, styled
from misread.show.table import Table
from misread.show.verdict import item_table

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
show(
    Table(
        "",
        ("part", "images", "fewest per class"),
        tuple(
            (name, f"{len(part)}", f"{np.bincount(part).min()}")
            for name, part in (("fit", fit_y), ("select", select_y), ("confirm", confirm_y))
        ),
    )
)


# %%
@styled
def first_digits():
    sheet = Sheet(9.5, 2.1, "Eight by eight pixels", "The first two of each class in fit.")
    for label in range(10):
        for row, image in enumerate(fit_X[fit_y == label][:2]):
            pixels = (image.reshape(8, 8) * 255 / 16).astype(np.uint8)
            sheet.image(0.35 + 0.9 * label, 0.05 + 0.95 * row, 0.8, pixels)
    return sheet.figure


show(first_digits())

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
accuracy_before_S = (on_select.preds_SN == select_y).mean(axis=1)
accuracy_after_S = np.array([model.score(select_X, select_y) for model in after_models])
show(
    Table(
        "",
        ("right on select", "mean", "lowest", "highest"),
        tuple(
            (name, f"{own_S.mean():.1%}", f"{own_S.min():.1%}", f"{own_S.max():.1%}")
            for name, own_S in (("before", accuracy_before_S), ("after", accuracy_after_S))
        ),
    )
)

# %% [markdown]
# So *after* is better on the whole. That answers another question than ours.

# %% [markdown]
# ## Which confusion?
#
# A cell i→j is a true class i that is read as j. We rank all 90 on *select*, over all trainings: a
# cell that is large in one training only is luck.

# %%
counts_SKK = np.stack([confusion_counts(select_y, preds_N, 10) for preds_N in on_select.preds_SN])
ranked = rank_cells(counts_SKK)
show(
    Table(
        "",
        ("cell", "errors per training", "share of its class", "in trainings"),
        tuple(
            (
                f"{cell.true}→{cell.predicted}",
                f"{cell.mean:.1f}",
                f"{cell.rate:.1%}",
                f"{cell.seeds_present} of {cell.n_seeds}",
            )
            for cell in ranked[:6]
        ),
    )
)

# %%
top = ranked[0]
TARGET = f"{top.true}:{top.predicted}"
show(f"The question is settled: **does {top.true}→{top.predicted} become rarer?**")

# %% [markdown]
# ## What can these data show?
#
# Ask this *before* opening *confirm*; afterwards it is an excuse. The pilot is what *before* read
# on *select*; of *confirm* we count only the labels.

# %%
errors_SN = (on_select.preds_SN == top.predicted)[:, select_y == top.true]
pilot = pilot_from_errors(errors_SN)
answer = plan_power(
    pilot,
    cell=f"{top.true}→{top.predicted}",
    n_seeds=len(SEEDS),
    n_images=int((confirm_y == top.true).sum()),
    reduction=0.5,
)
show(power_figure(answer, pilot))

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
verdict = judge(
    before, after, cells=[TARGET], margins=MARGINS, reduction=0.5, arm="100 extra trees"
)
show(verdict)

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
show(
    f"Before, {top.true}→{top.predicted} was {rate_select:.1%} of its class on *select*, where it "
    f"was chosen, and {rate_confirm:.1%} on *confirm*. The verdict rests on the second number only."
)

# %% [markdown]
# Which other confusions may have become worse? Here the better model is not free of suspicion:

# %%
unsure = [item for item in verdict.collateral if item.status != "safe"]
show(item_table(unsure))

# %% [markdown]
# ## Which images are behind it?
#
# A cell of three errors per training can be three hopeless images, or thirty that are each misread
# now and then. The first asks for better data, the second for a steadier model. The atlas tells
# them apart: *hard-core* (misread in at least 80% of the trainings), *coin-flip* (20 to 80%),
# *flicker*.

# %%
(cell,) = verdict.cells


def images_of(atlas):
    return {m.image: m.share for m in (*atlas.hard_core, *atlas.coin_flip, *atlas.flicker)}


@styled
def atlas_figure(most=9):
    share_before, share_after = images_of(cell.atlas_before), images_of(cell.atlas_after)
    worst = sorted({**share_after, **share_before}, key=lambda n: -share_before.get(n, 0))[:most]
    sheet = Sheet(
        9.5,
        2.0,
        f"{len(share_before)} images are behind {TARGET.replace(':', '→')} before, "
        f"{len(share_after)} after",
        "Share of the trainings that misread the image so, before (orange) and after (blue).",
    )
    for place, image in enumerate(worst):
        left = 0.35 + 1.0 * place
        pixels = (confirm_X[image].reshape(8, 8) * 255 / 16).astype(np.uint8)
        sheet.image(left, 0.05, 0.85, pixels)
        axes = sheet.axes(left, 1.0, 0.85, 0.5)
        bare(axes)
        axes.set(xlim=(0, 1), ylim=(1.6, -0.6), xticks=[], yticks=[])
        for row, (shares, colour) in enumerate(((share_before, VERMILLION), (share_after, BLUE))):
            share = shares.get(image, 0.0)
            axes.barh(row, share, height=0.75, color=colour)
            axes.text(
                share + 0.04 if share < 0.6 else share - 0.04,
                row,
                f"{share:.0%}",
                va="center",
                ha="left" if share < 0.6 else "right",
                fontsize=9,
                color=MUTED if share < 0.6 else "white",
            )
    return sheet.figure


show(atlas_figure())

# %%
groups = ("hard_core", "coin_flip", "flicker")
show(
    Table(
        "",
        ("images", "hard-core", "coin-flip", "flicker"),
        tuple(
            (name, *(f"{len(getattr(atlas, group))}" for group in groups))
            for name, atlas in (("before", cell.atlas_before), ("after", cell.atlas_after))
        ),
    )
)

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
null = judge(
    before,
    again,
    cells=[TARGET],
    margins=MARGINS,
    reduction=0.5,
    paired=False,
    arm="the same again",
)
assert null.verdict not in {"REDUCED", "HARM"}
show(null)

# %% [markdown]
# And the same *trained models* on both sides, error for error? Then p is 1, not 0 and not an error.

# %%
same = judge(before, before, cells=[TARGET], margins=MARGINS, arm="the same models")
assert same.verdict != "REDUCED"
assert same.cells[0].effect.p_value == 1
show(f"**{same.verdict}**, p = {same.cells[0].effect.p_value:g}.")

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
    word = judge(one, other, cells=[TARGET], margins=MARGINS, paired=False).verdict
    reduced += word == "REDUCED"
show(
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
show("None is loaded.")

# %% [markdown]
# To do this with your own models, replace three lines: the data, and the two lists of models.
# Anything with `predict` will do; for files, frames and scores see `docs/judge.md`.
