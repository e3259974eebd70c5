"""Datasets from anywhere: what each kind gives, and that a trial runs on it without code."""

import gzip
import io
import json
import zlib
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

from misread.cli import main
from misread.data.arrays import Raw, datasets
from misread.data.check import check_dataset
from misread.data.mnist import load_mnist
from misread.data.parts import folds
from misread.data.pictures import decode_picture, read_picture
from misread.data.sources import KINDS, beside, load, slug, split_name
from misread.errors import DataError, StudyError
from misread.learn.views import View
from misread.learn.work import ViewReading, _whole
from misread.study.file import load_study
from misread.study.plan import load_plan
from standin import rehearse

DIGITS = load_digits()
SMALL = np.rint(DIGITS.images * (255 / 16)).astype(np.uint8)
LABELS = DIGITS.target


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    content = header + np.ascontiguousarray(array, np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def fashion_like(folder, images=SMALL, labels=LABELS, *, n_train=1200, gz="", kind=""):
    """Write four files as those of Fashion-MNIST, of scikit-learn's digits enlarged to 28×28."""
    folder.mkdir(exist_ok=True)
    large = np.stack([cv2.resize(image, (28, 28)) for image in images])
    for part, own in (("train", slice(n_train)), ("t10k", slice(n_train, None))):
        write_idx(folder / f"{kind}{part}-images-idx3-ubyte{gz}", large[own])
        write_idx(folder / f"{kind}{part}-labels-idx1-ubyte{gz}", labels[own])
    return large


def same(loaded, train, test, labels=LABELS):
    assert (loaded[0].images == train).all()
    assert (loaded[1].images == test).all()
    assert (np.concatenate([part.labels_N for part in loaded]) == labels).all()
    assert not loaded[0].images.flags.writeable


@pytest.mark.parametrize("gz", ["", ".gz"])
def test_idx(tmp_path, gz):
    large = fashion_like(tmp_path / "f", gz=gz)
    same(load(f"idx:{tmp_path / 'f'}"), large[:1200], large[1200:])


def test_idx_of_mnist_is_mnist(shared_data):
    for part, own in zip(load(f"idx:{shared_data / 'mnist'}"), load_mnist(), strict=True):
        assert part.sha256 == own.sha256


def test_emnist_stands_upright(tmp_path):
    large = np.stack([cv2.resize(image, (28, 28)) for image in SMALL])
    for part, own in (("train", slice(1200)), ("test", slice(1200, None))):
        kind = f"emnist-digits-{part}"
        write_idx(tmp_path / f"{kind}-images-idx3-ubyte.gz", large[own].swapaxes(1, 2))
        write_idx(tmp_path / f"{kind}-labels-idx1-ubyte.gz", LABELS[own])
    same(load(f"idx:{tmp_path}"), large[:1200], large[1200:])


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_npz_under_any_of_its_names(tmp_path, names):
    arrays = (SMALL[:1200], LABELS[:1200], SMALL[1200:], LABELS[1200:])
    np.savez(tmp_path / "a.npz", **dict(zip(names, arrays, strict=True)))
    same(load(f"npz:{tmp_path / 'a.npz'}"), SMALL[:1200], SMALL[1200:])


def test_h5_of_groups_as_usps_is(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for part, own in (("train", slice(1200)), ("test", slice(1200, None))):
            group = file.create_group(part)
            group["data"] = (SMALL[own].reshape(-1, 64) / 255).astype("f4")
            group["target"] = LABELS[own].astype("i4")
    same(load(f"h5:{tmp_path / 'a.h5'}"), SMALL[:1200], SMALL[1200:])


def test_usps(shared_data):
    train, test = load(f"h5:{shared_data / 'usps' / 'usps.h5'}")
    assert (len(train), len(test), test.images.shape[1:]) == (7291, 2007, (16, 16))
    assert train.images.min() == 0
    assert train.images.max() == 255


def test_csv_of_uci_with_its_test_set_beside_it(tmp_path):
    rows = np.column_stack([DIGITS.data, LABELS]).astype(int)
    np.savetxt(tmp_path / "o.tra", rows[:1200], "%d", ",", header="the last is the class")
    np.savetxt(tmp_path / "o.tes", rows[1200:], "%d", ",")
    same(load(f"csv:{tmp_path / 'o.tra'}"), SMALL[:1200], SMALL[1200:])


def test_csv_with_a_header_and_the_class_first(tmp_path):
    rows = np.column_stack([LABELS, DIGITS.data]).astype(int)
    head = "label," + ",".join(f"pixel{n}" for n in range(64))
    np.savetxt(tmp_path / "train.csv", rows[:1200], "%d", ",", header=head, comments="")
    np.savetxt(tmp_path / "test.csv", rows[1200:], "%d", ",", header=head, comments="")
    same(load(f"csv:{tmp_path / 'train.csv'}"), SMALL[:1200], SMALL[1200:])


def test_optdigits_holds_the_digits_of_scikit_learn(shared_data):
    _, test = load(f"csv:{shared_data / 'optdigits' / 'optdigits.tra'}")
    assert (test.images == SMALL).all()
    assert (test.labels_N == LABELS).all()


def test_without_a_test_set_a_fifth_of_each_class_is_it():
    train, test = load("sklearn-digits")
    held_out_N = folds(LABELS, 5) == 0
    assert (test.images == SMALL[held_out_N]).all()
    assert (train.images == SMALL[~held_out_N]).all()
    share_K = np.bincount(test.labels_N) / np.bincount(LABELS)
    assert share_K == pytest.approx(0.2, abs=0.01)


def write_pictures(folder, pictures, names, suffix=".png"):
    for number, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name / f"{number:05}{suffix}"), picture)


def test_folder_with_a_subfolder_for_each_class(tmp_path):
    words = np.array(["nought", "one", "two"])[LABELS % 3]
    write_pictures(tmp_path / "train", SMALL[:90], words[:90])
    write_pictures(tmp_path / "test", SMALL[90:120], words[90:120], ".tiff")
    (tmp_path / "train" / "one" / "notes.txt").write_text("no picture")
    train, test = load(f"folder:{tmp_path}")
    assert train.class_names == ("nought", "one", "two")
    order = np.argsort(words[:90], kind="stable")
    assert (train.images == SMALL[:90][order]).all()
    assert [train.class_names[k] for k in train.labels_N] == sorted(words[:90])
    assert list(train.origins_N[:2]) == ["train/nought/00000.png", "train/nought/00003.png"]
    assert len(test) == 30


def test_pictures_of_every_kind(tmp_path):
    path = tmp_path / "p.png"
    colour = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    cv2.imwrite(str(path), colour[..., ::-1])
    assert (read_picture(path) == colour).all()
    grey = colour[..., 0]
    cv2.imwrite(str(path), np.stack([grey] * 3, -1))
    assert (read_picture(path) == grey).all()
    cv2.imwrite(str(path), grey.astype(np.uint16) * 257)
    assert (read_picture(path) == grey).all()
    drawn = np.dstack([np.zeros((6, 5, 3), np.uint8), grey])  # black ink that covers by `grey`
    cv2.imwrite(str(path), drawn)
    assert (read_picture(path) == 255 - grey).all()
    cv2.imwrite(str(tmp_path / "p.jpg"), np.full((8, 8), 200, np.uint8))
    assert np.abs(read_picture(tmp_path / "p.jpg").astype(int) - 200).max() <= 1


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (np.zeros((40, 9)), (3, 3)),
        (np.zeros((40, 4, 5)), (4, 5)),
        (np.zeros((40, 4, 5, 1)), (4, 5)),
        (np.zeros((40, 4, 5, 3)), (4, 5, 3)),
        (np.zeros((40, 3, 8, 9)), (8, 9, 3)),
    ],
)
def test_any_shape(images, shape):
    images.reshape(-1)[:] = np.linspace(0, 1, images.size)
    train, test = datasets("x", Raw(images, np.arange(40) % 2))
    assert train.images.shape[1:] == test.images.shape[1:] == shape


@given(st.sampled_from([(0, 1), (-1, 1), (0, 16), (0, 255)]), st.sampled_from(["f4", "f8"]))
@settings(deadline=None, derandomize=True)
def test_numbers_of_any_range_become_the_same_bytes(span, dtype):
    pixels = np.tile(np.linspace(*span, 256).astype(dtype), (30, 1))
    train, _ = datasets("x", Raw(pixels, np.arange(30) % 2))
    assert (train.images.reshape(len(train), -1) == np.arange(256)).all()


def test_labels_keep_their_names_and_order():
    images = np.zeros((60, 2, 2), np.uint8)
    numbers = datasets("x", Raw(images, np.tile(["10", "9", "2"], 20)))[0]
    assert numbers.class_names == ("2", "9", "10")
    words = datasets("x", Raw(images, np.tile([b"b", b"a"], 30)))[0]
    assert words.class_names == ("a", "b")
    named = datasets("x", Raw(images, np.tile([0, 1], 30)), class_names=("no", "yes"))[0]
    assert named.class_names == ("no", "yes")
    column = datasets("x", Raw(images, np.tile([[3.0], [7.0]], (30, 1))))[0]
    assert column.class_names == ("3", "7")


def test_grammar():
    for kind in KINDS.values():
        name = kind.grammar.replace("corrupted:NAME", "corrupted:fog@3:idx:DIR")
        assert split_name(name)[0] == name.partition(":")[0]
    assert slug("h5:/a/b/usps.h5") == "h5-usps"
    assert slug("hf:ylecun/mnist") == "hf-ylecun-mnist"
    for wrong in ("", "cifar", "mnist:x", "npz", "npz:", "http://x"):
        with pytest.raises(StudyError, match="there is no dataset"):
            load(wrong)


def test_the_docs_name_every_kind(project):
    page = (project / "docs" / "data.md").read_text("utf-8")
    assert [k.grammar for k in KINDS.values() if f"| `{k.grammar}` |" not in page] == []


# --- studies --------------------------------------------------------------------------------------


def toml(dataset):
    built_in = Path(__file__).parents[2] / "src/misread/studies/four-nine.toml"
    return built_in.read_text().replace('"mnist"', f'"{dataset}"')


def test_a_studys_path_is_one_from_its_file_or_from_here(tmp_path, monkeypatch):
    (tmp_path / "studies").mkdir()
    study = tmp_path / "studies" / "mine.toml"
    study.write_text(toml("npz:my.npz"))
    monkeypatch.chdir(tmp_path)
    assert load_study(str(study)).dataset == "npz:my.npz"
    np.savez(tmp_path / "studies" / "my.npz", x=1)
    assert load_study(str(study)).dataset == "npz:studies/my.npz"
    assert load_study("studies/mine.toml", dataset="npz:my.npz").dataset == "npz:my.npz"
    monkeypatch.chdir(tmp_path / "studies")
    assert load_study("mine.toml").dataset == "npz:my.npz"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load_study(str(study)).dataset == f"npz:{tmp_path}/studies/my.npz"
    assert beside("openml:USPS", tmp_path) == "openml:USPS"
    study.write_text(toml("cifar"))
    with pytest.raises(StudyError, match="there is no dataset 'cifar'; choose one of mnist, "):
        load_study(str(study))


@pytest.mark.usefixtures("no_figures")
def test_data_like_fashion_mnist_run_through_a_study_without_code(tmp_path, monkeypatch):
    fashion_like(tmp_path / "fashion")
    monkeypatch.chdir(tmp_path)
    options = {"seeds": (1, 2), "arms": ("both",), "smoke": True}
    rehearse(load_study("four-nine", dataset="idx:fashion", **options), tmp_path / "out")
    assert CliRunner().invoke(main, ["report", "out"]).exit_code == 0
    assert list(json.loads((tmp_path / "out/verdict.json").read_text())["arms"]) == ["both"]
    plan = load_plan(tmp_path / "out")
    own = load(f"idx:{tmp_path / 'fashion'}")
    assert plan.study.dataset == "idx:fashion"
    assert plan.dataset_sha256 == (own[0].sha256, own[1].sha256)
    assert "--data idx:fashion" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_readings_of_more_classes_than_a_byte_holds():
    def read(n_classes):
        probs = np.eye(n_classes, dtype=np.float32)[[n_classes - 1, 2]]
        return _whole(ViewReading(View(), np.array([n_classes - 1, 1]), np.arange(2), probs))

    arrays = read(300)
    assert arrays["labels"].tolist() == [299, 1]
    assert arrays["predictions"].tolist() == [[299, 2]]
    few = read(10)
    assert few["labels"].dtype == few["predictions"].dtype == np.uint8


# --- misread data ---------------------------------------------------------------------------------


def cli(*arguments, code=0):
    done = CliRunner().invoke(main, ["data", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.stdout


def test_list_tells_every_kind(monkeypatch, tmp_path):
    monkeypatch.setenv("MISREAD_CACHE", str(tmp_path))
    (tmp_path / "openml").mkdir()
    (tmp_path / "openml" / "1.arff").write_bytes(b"123")
    told = json.loads(cli("list", "--json"))
    assert [kind["name"] for kind in told["sources"]] == [k.grammar for k in KINDS.values()]
    assert told["fetched"] == [{"file": "openml/1.arff", "bytes": 3}]
    assert "1 files, 0.0 MB" in cli("list")


def test_show_tells_and_draws(tmp_path):
    figure = tmp_path / "sheet.png"
    said = cli("show", "sklearn-digits", "--figure", figure)
    assert f"Written: {figure}" in said
    assert load("sklearn-digits")[0].sha256 in said
    assert "CC BY 4.0" in said
    assert cv2.imread(str(figure)).shape[1] > 1000
    told = json.loads(cli("show", "sklearn-digits", "--json"))
    assert (told["shape"], told["n_train"], told["n_test"]) == ([8, 8], 1437, 360)
    assert sum(row["train"] for row in told["classes"]) == 1437


def test_check_finds_nothing_in_mnist():
    told = json.loads(cli("check", "mnist", "--json"))
    assert told["ok"]
    assert len(told["findings"]) == 6


def trouble(train, train_labels, test, test_labels, class_names=None):
    parts = datasets("x", Raw(train, train_labels), Raw(test, test_labels), class_names=class_names)
    return {f.check: f.result for f in check_dataset(*parts) if not f.ok}


def test_check_finds_each_trouble():
    train, own = SMALL[:1200], LABELS[:1200]
    test, other = SMALL[1200:], LABELS[1200:]
    assert not trouble(train, own, test, other)
    doubled = test.copy()
    doubled[[3, 9]] = train[:2]
    found = trouble(train, own, doubled, np.r_[other[:3], own[0], other[4:9], own[1], other[10:]])
    assert list(found) == ["test images in the training set"]
    assert "2 of 597" in found["test images in the training set"]
    assert "3, 9" in found["test images in the training set"]
    both = np.concatenate([train, train[:1]])
    assert list(trouble(both, np.append(own, own[0] + 1), test, other)) == ["equal images"]
    both, many = np.concatenate([train, train[:6]]), np.r_[own, (own[:6] + 1) % 10]
    against = trouble(both, many, np.concatenate([test, test[:1]]), np.append(other, other[0] - 1))
    assert against["equal images"] == (
        "14 images under several labels (training: rows 0, 1, 2, 3, 4, …; test: rows 0, 597); "
        "take them out or settle on one"
    )
    empty = test.copy()
    empty[7] = 9
    assert "1 in the test set (row 7)" in trouble(train, own, empty, other)["empty images"]
    halves = datasets("x", Raw(empty, other))  # one part: rows are those of the source
    assert "(row 7)" in next(f.result for f in check_dataset(*halves) if not f.ok)
    assert list(trouble(train // 16, own, test // 16, other)) == ["brightness"]
    few = np.flatnonzero(own != 3)
    assert list(trouble(train[few], own[few], test, other)) == ["classes"]
    few = np.sort(np.r_[few, np.flatnonzero(own == 3)[:9]])
    assert "3 has 9 training images" in trouble(train[few], own[few], test, other)["classes"]


def test_check_exits_2_on_trouble(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=SMALL, y_train=LABELS, x_test=SMALL, y_test=LABELS)
    said = cli("check", f"npz:{tmp_path / 'a.npz'}", code=2)
    assert "TROUBLE test images in the training set: 1,797 of 1,797" in said


# --- bad input ------------------------------------------------------------------------------------


def told_of(tmp_path, kind, name):
    place = tmp_path / name
    done = CliRunner().invoke(main, ["data", "check", f"{kind}:{place}"])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2, done.output
    assert done.output.count("\n") == 1, done.output
    return done.output.removeprefix("misread: ").strip().replace(str(tmp_path), "TMP")


def h5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values


def write_bad_archives(tmp_path):
    def npz(name, **arrays):
        np.savez(tmp_path / name, **arrays)

    good = {"images": SMALL, "labels": LABELS}
    npz("names.npz", pictures=SMALL, classes=LABELS)
    npz("lengths.npz", images=SMALL, labels=LABELS[1:])
    npz("objects.npz", images=SMALL, labels=np.array([None] * 1797))
    npz("one-hot.npz", images=SMALL, labels=np.eye(10)[LABELS])
    npz("one class.npz", images=SMALL, labels=LABELS * 0)
    npz("all classes.npz", images=SMALL, labels=np.arange(1797))
    npz("range.npz", images=SMALL * 9.0, labels=LABELS)
    npz("nan.npz", images=np.where(SMALL > 9, np.nan, 0.5), labels=LABELS)
    npz("no square.npz", images=SMALL.reshape(-1, 64)[:, :60], labels=LABELS)
    npz("five channels.npz", images=np.zeros((20, 8, 8, 5)), labels=LABELS[:20])
    npz("words.npz", images=np.array(["a"] * 1797), labels=LABELS)
    npz("no images.npz", images=SMALL[:0], labels=LABELS[:0])
    npz("class names.npz", **good, class_names=["a", "b"])
    npz("sizes.npz", x_train=SMALL, y_train=LABELS, x_test=SMALL[:, 1:], y_test=LABELS)
    words = np.array(list("abcdefghij"))[LABELS]
    npz("kinds.npz", x_train=SMALL, y_train=LABELS, x_test=SMALL, y_test=words)
    (tmp_path / "no.npz").write_bytes(b"text")
    (tmp_path / "no.h5").write_bytes(b"text")
    h5(tmp_path / "names.h5", pictures=SMALL)
    h5(tmp_path / "objects.h5", images=SMALL, labels=np.zeros(1797, [("a", "i4")]))
    h5(tmp_path / "linked.h5", images=h5py.ExternalLink("other.h5", "x"), labels=LABELS)
    with h5py.File(tmp_path / "stored elsewhere.h5", "w") as file:
        file["labels"] = LABELS
        file.create_dataset("images", SMALL.shape, "u1", external="/etc/hostname")
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file["labels"] = LABELS
        file.create_dataset("images", (10**6, 10**5), "u1", chunks=(1, 10**5))


def write_bad_folders(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "blank.csv").write_text("\n1,2,3,4,0\n1,2,3,4,1\n")
    (tmp_path / "words.csv").write_text("a,b\nc,d\n")
    (tmp_path / "ragged.csv").write_text("1,2,3,4,0\n1,2,0\n")
    (tmp_path / "missing.csv").write_text("1,2,3,4,0\n1,,3,4,1\n")
    for folder in ("empty", "flat", "text", "sizes", "idx", "half idx", "two idx"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "flat" / "a.png"), SMALL[0])
    write_pictures(tmp_path / "sizes", [SMALL[0], SMALL[0][1:]], ["a", "b"])
    write_pictures(tmp_path / "text", [SMALL[0]], ["a"])
    (tmp_path / "text" / "a" / "x.png").write_text("text")
    fashion_like(tmp_path / "idx")
    (tmp_path / "idx" / "t10k-labels-idx1-ubyte").unlink()
    fashion_like(tmp_path / "half idx")
    half = tmp_path / "half idx" / "train-images-idx3-ubyte"
    half.write_bytes(half.read_bytes()[:999])
    fashion_like(tmp_path / "two idx", kind="a-")
    fashion_like(tmp_path / "two idx", kind="b-")


def test_every_bad_file_has_its_sentence(tmp_path, snapshot):
    write_bad_archives(tmp_path)
    write_bad_folders(tmp_path)
    kinds = {".npz": "npz", ".h5": "h5", ".csv": "csv"}
    names = sorted(p.name for p in tmp_path.iterdir() if p.suffix in kinds)
    found = {name: told_of(tmp_path, kinds[Path(name).suffix], name) for name in names}
    for name in ("missing", "empty", "flat", "text", "sizes"):
        found[f"folder {name}"] = told_of(tmp_path, "folder", name)
    for name in ("missing", "empty", "idx", "half idx", "two idx"):
        found[f"idx {name}"] = told_of(tmp_path, "idx", name)
    found["no file"] = told_of(tmp_path, "npz", "missing.npz")
    assert found == snapshot


def test_a_small_file_that_claims_a_huge_picture_is_not_unpacked(tmp_path):
    written = tmp_path / "a.png"
    cv2.imwrite(str(written), np.zeros((8, 8), np.uint8))
    content = bytearray(written.read_bytes())
    content[16:24] = np.array([60_000, 60_000], ">u4").tobytes()
    content[29:33] = np.array([zlib.crc32(bytes(content[12:29]))], ">u4").tobytes()
    written.write_bytes(bytes(content))
    with pytest.raises(DataError, match="more pixels than the 100 million that are allowed"):
        read_picture(written)
    cv2.imwrite(str(written), np.zeros((20, 20), np.uint8))
    with pytest.raises(DataError, match="more pixels"):
        decode_picture(written.read_bytes(), "it", largest_px=399)


def test_half_a_picture_is_refused_by_us_alone(tmp_path, capfd):
    written = tmp_path / "half.png"
    cv2.imwrite(str(written), np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8))
    written.write_bytes(written.read_bytes()[:900])
    with pytest.raises(DataError, match="is damaged"):
        read_picture(written)
    assert capfd.readouterr() == ("", "")


@given(st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_damage_to_a_picture(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    suffix = data.draw(st.sampled_from([".png", ".jpg", ".tiff"]))
    written = folder / f"damaged{suffix}"
    cv2.imwrite(str(written), cv2.resize(SMALL[0], (40, 40)))
    content = bytearray(written.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + 1] = data.draw(st.binary(max_size=3))
    written.write_bytes(bytes(content))
    try:
        assert read_picture(written).dtype == np.uint8
    except DataError as error:
        assert str(error).startswith(str(written))  # noqa: PT017  either is as it should be


def test_what_an_image_library_says_itself_of_a_damaged_picture_is_not_seen(capfd):
    many = (Path(__file__).parents[1] / "cases/fuzz/many_samples.tiff").read_bytes()
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24), np.uint8)
    Image.fromarray(pixels).save(file, "TIFF", compression="tiff_adobe_deflate")
    damaged = bytearray(file.getvalue())
    damaged[200] ^= 255
    for content in (many, bytes(damaged)):
        with pytest.raises(DataError, match=r"x\.tiff"):
            decode_picture(content, "x.tiff")
        assert capfd.readouterr().err == ""
