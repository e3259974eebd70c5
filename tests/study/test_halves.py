"""What counts as evidence: the half that proves, and what was not looked at before."""

import json

import numpy as np
import pytest

from misread.data.mnist import load_mnist
from misread.learn.views import load_parts
from misread.study.conclude import conclude
from misread.study.file import load_study
from misread.study.held_out import explore_half, extent_for, pooled_for, prove_half
from misread.study.plan import load_plan
from misread.study.run import run_study
from standin import work_here


def test_a_writer_is_of_one_half_and_of_the_same_in_every_study():
    train = load_mnist()[0]
    proves_N = prove_half(train)
    assert np.array_equal(proves_N, prove_half(train))
    assert train.groups_N is not None
    for half_N in (proves_N, ~proves_N):
        others = np.unique(train.groups_N[~half_N])
        assert not np.isin(train.groups_N[half_N], others).any()
    assert 0.4 < proves_N.mean() < 0.6


@pytest.fixture
def text(small_toml):
    return small_toml.read_text()


def study(tmp_path, text, more=""):
    path = tmp_path / "other.toml"
    path.write_text(text + more)
    return load_study(str(path))


def test_a_target_that_is_named_leaves_both_halves_to_the_proof(tmp_path, text):
    named, found = study(tmp_path, text), study(tmp_path, text.replace('target = "4:9"\n', ""))
    parts = load_parts(named.dataset, None)
    errors = {"cells": [], "n_images_per_seed": [60], "seeds": [1], "smoke": False}
    folds = {1: 0, 2: 1}
    pooled = [pooled_for(s, (4, 9), parts, errors, folds) for s in (named, found)]
    assert [p.prove_only for p in pooled] == [False, True]
    assert explore_half(named, parts.train) is None
    explores_N = explore_half(found, parts.train)
    assert np.array_equal(explores_N, ~prove_half(parts.train))
    alone = study(tmp_path, text, "\n[judge]\npooled = false\n")
    assert pooled_for(alone, (4, 9), parts, errors, folds) is None


def test_what_was_seen_before_does_not_decide(tmp_path, text, monkeypatch):
    seen = "\n[judge]\nseen_before = {confirm = true, tenths = [0]}\n"
    asked = study(tmp_path, text, seen)
    parts = load_parts(asked.dataset, None)
    whole = study(tmp_path, text)
    tenths = [
        extent_for(s, (4, 9), parts, {1: 0, 2: 1}, prove_only=False).tenth for s in (whole, asked)
    ]
    assert tenths[1] == tenths[0] / 2
    work_here(monkeypatch)
    folder = tmp_path / "study"
    run_study(asked.model_copy(update={"seeds": (1, 2, 3)}), folder)
    plan = load_plan(folder)
    assert (plan.pooled.weight, plan.pooled.seen_tenths) == (0.0, (0,))
    side = conclude(folder).runs["baseline"].evidence
    n_confirm = len(parts.confirm)
    assert side.held_out_SN[:, n_confirm:].sum(axis=1)[0] == 0  # seed 1 holds out tenth 0
    assert side.held_out_SN[1:, n_confirm:].any()
    assert json.loads((folder / "plan.json").read_text())["plan"]["pooled"]["weight"] == 0.0


def test_a_smaller_data_set_without_groups_is_dealt_by_image(small_toml):
    train = load_parts(load_study(str(small_toml)).dataset, None).train
    assert train.groups_N is None
    assert 0.3 < prove_half(train).mean() < 0.7
