"""What comes in: files, tables, frames, folders, models. However it is written, it is the same."""

import gzip

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from misread.errors import DataError, JudgeError
from misread.files import write_arrays
from misread.judge.predictions import Predictions
from misread.readers.convert import from_models, from_scores, write_predictions
from misread.readers.read import read_predictions


def same(one, other, *, named=True):
    """Whether two sides hold the same; unnamed seeds and images get numbers in a table."""
    assert np.array_equal(one.labels_N, other.labels_N)
    assert np.array_equal(one.preds_SN, other.preds_SN)
    assert one.class_names == other.class_names
    if named:
        assert one.seeds == other.seeds
        assert (one.ids is None) == (other.ids is None)
        assert one.ids is None or one.ids.tolist() == other.ids.tolist()
    flags = [np.zeros(s.n_images) if s.disputed_N is None else s.disputed_N for s in (one, other)]
    assert np.array_equal(*flags)
    assert one.slices.keys() == other.slices.keys()
    for name, part in one.slices.items():
        same(part, other.slices[name], named=named)


def table(side):
    """The long table of a side, shuffled."""
    s, n = np.meshgrid(np.arange(side.n_seeds), np.arange(side.n_images), indexing="ij")
    names = np.array(side.class_names)
    frame = pl.DataFrame(
        {
            "seed": np.array(side.seeds)[s.ravel()],
            "id": side.ids[n.ravel()],
            "label": names[side.labels_N][n.ravel()],
            "prediction": names[side.preds_SN].ravel(),
            "note": np.zeros(s.size),
        }
    )
    return frame.sample(fraction=1, shuffle=True, seed=0)


@pytest.fixture
def animals():
    rng = np.random.default_rng(0)
    labels = rng.choice(["cat", "dog", "a:b"], 40)
    preds = rng.choice(["cat", "dog", "a:b"], (3, 40))
    ids = np.array([f"img_{n:03}" for n in range(40)])
    return Predictions.from_arrays(labels, preds, seeds=[3, 1, 20], ids=ids).of_seeds([1, 0, 2])


@pytest.fixture
def digits():
    rng = np.random.default_rng(1)
    labels, preds = rng.integers(0, 10, 50), rng.integers(0, 10, (2, 50))
    labels[0] = 9
    side = Predictions.from_arrays(
        labels, preds, seeds=["1", "2"], ids=np.arange(50) * 10**12, disputed_N=labels == 3
    )
    thin = Predictions.from_arrays(labels[:20], preds[:, 20:40], ids=np.arange(20))
    return side.with_slice("thin", thin)


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
@pytest.mark.parametrize("which", ["animals", "digits"])
def test_what_is_written_is_read_again(which, suffix, tmp_path, request):
    side = request.getfixturevalue(which)
    write_predictions(side, tmp_path / f"side{suffix}")
    same(side, read_predictions(tmp_path / f"side{suffix}"))


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", "pandas", "polars"])
@pytest.mark.parametrize("which", ["animals", "digits"])
def test_the_order_of_rows_does_not_matter(which, suffix, tmp_path, request):
    side = request.getfixturevalue(which)
    side = Predictions(side.labels_N, side.preds_SN, side.class_names, side.seeds, side.ids)
    frame = table(side)
    if suffix == "pandas":
        read = Predictions.from_frame(pd.DataFrame(frame.to_dict(as_series=False)))
    elif suffix == "polars":
        read = Predictions.from_frame(frame)
    else:
        path = tmp_path / f"side{suffix}"
        content = frame.write_csv().encode()
        if suffix == ".parquet":
            frame.write_parquet(path)
        else:
            path.write_bytes(gzip.compress(content) if suffix == ".csv.gz" else content)
        read = read_predictions(path)
    same(side, read)
    assert read.preds_SN.dtype == np.uint8


def test_classes_as_whole_floats_and_texts_are_numbers(tmp_path):
    rows = ["id;label;prediction", "a;4;9.0", "b;4.0;4", "c;9;9"]
    (tmp_path / "x.csv").write_text("\n".join(rows))
    read = read_predictions(tmp_path / "x.csv")
    assert read.class_names == tuple("0123456789")
    assert read.labels_N.tolist() == [4, 4, 9]
    assert read.preds_SN.tolist() == [[9, 4, 9]]
    assert read.seeds is None


def test_large_class_numbers_do_not_fill_the_gaps():
    read = Predictions.from_arrays([2084071, 7], [[7, 7]])
    assert read.class_names == ("7", "2084071")
    assert read.preds_SN.dtype == np.uint8


def test_without_clean_rows_each_slice_is_a_view():
    frame = pd.DataFrame({"id": [1, 2, 3, 4], "label": [0, 1, 0, 1], "prediction": [0, 0, 0, 1]})
    views = Predictions.from_frame(frame.assign(slice=["a", "a", "b", "b"]))
    assert views.n_images == 4
    assert {name: part.ids.tolist() for name, part in views.slices.items()} == {
        "a": [1, 2],
        "b": [3, 4],
    }
    altered = Predictions.from_frame(frame.assign(slice=["clean", "", "b", "b"], id=[1, 2, 1, 2]))
    assert altered.ids.tolist() == altered.slices["b"].ids.tolist() == [1, 2]
    numbered = frame.assign(slice=pd.Series([None, None, 0, 0], dtype=object), id=[1, 2, 1, 2])
    assert Predictions.from_frame(numbered).slices["0"].n_images == 2


def test_numbers_may_be_nullable_categories_or_booleans():
    frame = pd.DataFrame(
        {
            "seed": pd.array([1, 1], "Int64"),
            "id": pd.Categorical(["a", "b"]),
            "label": [True, False],
            "prediction": [1.0, 1.0],
        }
    )
    read = Predictions.from_frame(frame)
    assert read.labels_N.tolist() == [1, 0]
    assert read.ids.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("label", pd.array([1, None], "Int64"), "`label` has 1 of 2 values missing"),
        ("prediction", pd.array(["a", None], "string"), "`prediction` has 1 of 2 values missing"),
        ("id", [None, None], "`id` has 2 of 2 values missing"),
        ("id", [(1,), (2,)], "`id` is of type object; allowed are whole numbers or names"),
        ("label", [0.5, 1], "`label` holds '0.5'"),
    ],
)
def test_a_column_of_pandas_that_is_none_is_refused(column, values, words):
    good = {"id": [1, 2], "label": [0, 1], "prediction": [0, 1]}
    with pytest.raises(DataError, match=words):
        Predictions.from_frame(pd.DataFrame(good | {column: values}))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"label": [0, None, 1, 1]},
            "column `label` has 1 of 4 values missing, the first in data row 2",
        ),
        ({"prediction": [0.0, 1.5, 1, 1]}, "holds '1.5'"),
        ({"prediction": [0.0, 1, float("nan"), 1]}, "the first in data row 3"),
        ({"label": [0, 1, 1, 1]}, "1 of 2 images have several labels, for example id 5: 0, 1"),
        ({"id": [5, 6, 5, 5]}, "repeat a seed and an image: 1, for example seed 2, id 5 .2 rows."),
        ({"id": [5, 6, 5, 7]}, "2 of 6 readings are missing, for example seed 1, id 7"),
        ({"prediction": ["cat", "dog", "cat", "cat"]}, "classes are numbers .* and words"),
        ({"label": [[0], [1], [0], [1]]}, "is of type List"),
        ({"disputed": [0, 1, 2, 0]}, "`disputed` holds '2'; allowed are 0 and 1"),
        ({"slice": ["", "", "", "x"]}, "1 of 4 readings are missing|1 of 2 readings are missing"),
    ],
)
def test_a_table_that_is_not_crossed_is_refused(change, told):
    good = {"seed": [1, 1, 2, 2], "id": [5, 6, 5, 6], "label": [0, 1, 0, 1], "prediction": [0] * 4}
    with pytest.raises((DataError, JudgeError), match=told):
        Predictions.from_frame(pl.DataFrame(good | change, strict=False))


@pytest.mark.parametrize("low", [0, -(2**63), 2**62 + 1, 2**63 + 5])
@given(
    ids=st.lists(st.integers(0, 60), unique=True, min_size=1), spread=st.sampled_from([1, 10**9])
)
@settings(max_examples=40, deadline=None)
def test_ids_of_any_spread(low, ids, spread):
    wide = [low + spread * n for n in ids]
    column = pl.Series(wide, dtype=pl.UInt64 if low > 0 else pl.Int64)
    frame = pl.DataFrame({"id": column, "label": ids, "prediction": ids})
    read = Predictions.from_frame(frame)
    assert read.ids.tolist() == wide
    assert [int(read.class_names[k]) for k in read.labels_N] == ids


def test_probabilities_are_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("misread.npz._CHUNK_BYTES", 100)
    probs = np.random.default_rng(0).random((2, 30, 4)).astype(np.float32)
    labels = np.arange(30) % 4
    for order in "CF":
        np.savez(tmp_path / "p.npz", labels=labels, probs=np.asarray(probs, order=order))
        read = read_predictions(tmp_path / "p.npz")
        assert np.array_equal(read.preds_SN, probs.argmax(axis=2))


def test_the_folder_of_an_arm(tmp_path):
    rng = np.random.default_rng(0)
    labels = (np.arange(40) % 4).astype(np.uint8)
    rows = {seed: rng.integers(0, 4, 40).astype(np.uint8) for seed in (10, 9)}
    names = np.array(["erode 2 px · 1", "erode 2 px · 3", "shift 1 px · 1"])
    for seed, row in rows.items():
        ids = [np.flatnonzero(labels == k) for k in (1, 3, 1)]
        arrays = {"labels": labels, "predictions": row[np.newaxis], "slice_names": names}
        for number, ids_M in enumerate(ids):
            arrays[f"slice_{number}_ids"] = ids_M
            arrays[f"slice_{number}_predictions"] = np.full(10, number, np.uint8)
        write_arrays(tmp_path / f"seed_{seed}" / "predictions.npz", arrays)
    side = read_predictions(tmp_path)
    assert side.seeds == ("9", "10")
    assert np.array_equal(side.preds_SN, np.stack([rows[9], rows[10]]))
    erode = side.slices["erode 2 px"]
    assert erode.labels_N.tolist() == [1] * 10 + [3] * 10
    assert erode.preds_SN[0].tolist() == [0] * 10 + [1] * 10
    assert list(side.slices) == ["erode 2 px", "shift 1 px"]
    (tmp_path / "seed_11").mkdir()
    with pytest.raises(DataError, match=r"1 of 3 seeds have no predictions.npz yet"):
        read_predictions(tmp_path)


def test_scikit_learn_estimators():
    from sklearn.datasets import load_digits
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier

    images, labels = load_digits(return_X_y=True)
    words = np.array([f"digit {k}" for k in range(10)])
    for truth in (labels, words[labels]):
        models = [GaussianNB().fit(images[s:1000:2], truth[s:1000:2]) for s in (0, 1)]
        side = from_models(models, images[1000:], truth[1000:], seeds=["even", "odd"])
        assert np.array_equal(
            np.array(side.class_names)[side.preds_SN],
            [model.predict(images[1000:]).astype(str) for model in models],
        )
    model = KNeighborsClassifier().fit(images[:1000], labels[:1000])
    read = from_models([model], images[1000:], labels[1000:])
    scores = from_scores(labels[1000:], model.predict_proba(images[1000:]))
    same(read, scores)
    assert (read.preds_SN == read.labels_N).mean() > 0.9


@pytest.mark.usefixtures("trainer")
def test_a_keras_model():
    import keras

    images = np.random.default_rng(0).random((30, 8)).astype(np.float32)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
    side = from_models([model], images, np.arange(30) % 3, class_names=["a", "b", "c"])
    expected = (images @ model.get_weights()[0]).argmax(axis=1)
    assert side.preds_SN.tolist() == [expected.tolist()]
    assert side.class_names == ("a", "b", "c")


def test_scores_that_are_none():
    class Tensor:
        """As PyTorch's: it must let go of its gradient and come to this machine first."""

        def __init__(self, values):
            self.values = values

        def detach(self):
            return self

        def cpu(self):
            return np.asarray(self.values)

    side = from_scores([0, 1], [Tensor([[0.2, 0.8], [0.1, 0.9]])] * 2)
    assert side.preds_SN.tolist() == [[1, 1], [1, 1]]
    for wrong, told in (
        ([["a"], ["b"]], "give numbers .S,N,K."),
        ([[0.1], [1.9]], "no probability of class 1"),
        ([[0.0, 0.0], [0.0, 0.0]], "no single largest score"),
        ([[0.1, np.nan], [0.9, 0.1]], "NaN or infinity, first at .0."),
    ):
        with pytest.raises(DataError, match=told):
            from_scores([0, 1], np.array([wrong]))
    with pytest.raises(DataError, match="no method `predict`"):
        from_models([object()], [0], [0])
    with pytest.raises(DataError, match=r"ends in '\.xlsx'"):
        write_predictions(side, "side.xlsx")


@pytest.mark.parametrize("kind", [pl.Int8, pl.Int16, pl.UInt8, pl.Int128])
def test_narrow_and_wide_whole_numbers(kind):
    ids = [-128, 127, 0] if kind != pl.UInt8 else [255, 0, 128]
    frame = {"id": pl.Series(ids, dtype=kind), "label": [0, 1, 2], "prediction": [0, 1, 2]}
    assert Predictions.from_frame(pl.DataFrame(frame)).ids.tolist() == ids
