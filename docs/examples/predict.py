"""Train a small classifier on scikit-learn's digits and write what it reads: `predict.py OUT.npz`.

Stands for your own training and prediction. The judge needs the last six lines: the labels and
predictions of held-out images, one row per training seed.
"""

import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

SEEDS = (1, 2, 3)

images, labels = load_digits(return_X_y=True)
train, test = slice(None, 900), slice(900, None)
predictions = [
    RandomForestClassifier(n_estimators=30, random_state=seed)
    .fit(images[train], labels[train])
    .predict(images[test])
    for seed in SEEDS
]
np.savez_compressed(
    sys.argv[1],
    labels=labels[test].astype("uint8"),
    predictions=np.array(predictions, dtype="uint8"),
    seeds=SEEDS,
)
