"""Arms that share their first epochs: what a fork would save, and what it would make of the answer.

Measured on 2026-11-22, two x86-64 cores shared with much other work, Python 3.11.7, three one-cycle
epochs (`RECIPE`), 12,000 training images, n = 2 seeds (`--seeds 2`), so a direction and no more: of
the thinned fours 0.92% are read as nines by the baseline and 1.83% without a fork; 1.83% with one
after epoch 1 of 3, which saves 27% of the epochs of four treated arms and the baseline, and 1.02%
after epoch 2, which saves 53%: a ninth of the change is left.

Run it again: `python scripts/fork.py [--seeds 5] [--images 12000]` (five minutes on one idle
core; `--images 54000` for all).

A fork of baseline and treatment after epoch k is the same as a treatment that begins after epoch k:
weights, optimiser and batch order are the baseline's until then. So the policy is switched off for
the first k epochs, and the counter-slice that tells most of this policy is read: fours thinned by
erosion, of which the documented policy makes nines.
"""

import argparse
import json
from typing import Any

import numpy as np

from misread.data.mnist import load_mnist
from misread.data.parts import split, stratified_subset
from misread.images.operations import OPERATIONS
from misread.learn import train as trainer
from misread.learn.policy import Draw, Policy
from misread.learn.recipe import Recipe
from misread.study.study import load_study

# What can be forked needs several epochs; today's quick recipe has one.
RECIPE = Recipe(epochs=3, batch_size=64, schedule="one-cycle", learning_rate=3e-3, dropout=0.3)


class Late:
    """A policy that begins after epoch `after`."""

    def __init__(self, policy: Policy, after: int) -> None:
        self.policy, self.after = policy, after

    def draw(self, labels_N: Any, seed: int, epoch: int) -> Draw:
        """Return the policy's draw, or one that treats nothing."""
        policy = self.policy
        if epoch < self.after:
            policy = policy.model_copy(update={"probability": 0.0})
        return policy.draw(labels_N, seed, epoch)


def main() -> None:
    """Train, read, and print a row per arm."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=12_000)
    asked = parser.parse_args()
    trainer.set_up_backend()
    data, test = load_mnist()
    study, recipe = load_study("four-nine"), RECIPE
    policy = study.policy.resolve((4, 9))["documented"]
    thinned = OPERATIONS["erode"](test.images[test.labels_N == 4], 2)
    arms: dict[str, Any] = {"baseline": None, "no fork": policy}
    arms |= {f"fork after {k} of {recipe.epochs}": Late(policy, k) for k in range(1, recipe.epochs)}
    read: dict[str, list[float]] = {arm: [] for arm in arms}
    for number in range(asked.seeds):
        fit_ids, select_ids = split(data.labels_N, number % 10)
        fit_ids = fit_ids[stratified_subset(data.labels_N[fit_ids], asked.images)]
        for arm, own in arms.items():
            model, _ = trainer.fit(
                recipe, own, number, data.take(fit_ids), data.take(select_ids[:500])
            )
            nines = trainer.read(model, thinned).argmax(axis=1) == 9
            read[arm].append(float(nines.mean()))
            print(json.dumps({"seed": number, "arm": arm, "thin 4→9": read[arm][-1]}), flush=True)
    grown = np.array(read["no fork"]) - read["baseline"]
    for k, (arm, shares) in enumerate(read.items(), -1):
        change = np.array(shares) - read["baseline"]
        saved = max(k, 0) * 4 / (5 * recipe.epochs)  # of the epochs of four treated arms and one
        print(
            f"{arm}: {np.mean(shares):.2%} of the thinned fours read as nines, "
            f"{change.mean() / grown.mean():.0%} of the change; {saved:.0%} of the epochs saved"
        )


if __name__ == "__main__":
    main()
