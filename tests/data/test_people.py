"""Data sets as people have them: read as they were meant, refused, or what is left out is said."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from misread.cli import main
from misread.data.check import check_dataset
from misread.data.sources import load
from misread.errors import DataError

RNG = np.random.default_rng(0)
LABELS = np.arange(60) % 3
IMAGES = RNG.integers(0, 256, (60, 6, 6)).astype(np.uint8)
IMAGES[0, 0, 0] = 255
CASES = __import__("pathlib").Path(__file__).parents[1] / "cases"


def check(name):
    return CliRunner().invoke(main, ["data", "check", name])


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("folder:{}/f09_nested", 2, "pictures that are in no class folder, deeper"),
        ("folder:{}/f10_hidden", 0, "28×28 px, grey, 10 classes"),
        ("npz:{}/f11_scales.npz", 2, "lie in different ranges"),
        (
            "csv:{}/f12/train.csv",
            2,
            "there is no column 'label', which is the class in the training",
        ),
        ("npz:{}/f20.npz", 2, "a label is -1"),
        ("npz:{}/fuzz/bad_header.npz", 2, "is damaged); write it"),
        ("h5:{}/fuzz/null_shape.h5", 2, "holds nothing"),
        ("h5:{}/fuzz/crashes_the_library.h5", 2, "cannot be read as HDF5 (it is damaged)"),
        ("h5:{}/fuzz/scalar_class_names.h5", 2, "class_names have 0 axes"),
    ],
)
def test_the_files_that_people_have(name, code, words):
    done = check(name.format(CASES))
    assert done.exit_code == code, done.output
    assert words in done.output


def test_deeper_pictures_are_read_where_that_is_meant():
    train, test = load(f"folder:{CASES}/f09_nested/**")
    assert train.class_names == tuple("0123456789")
    assert len(train) + len(test) == len(list((CASES / "f09_nested").rglob("*.png")))


def write_folder(path, images=IMAGES, suffix="png", **options):
    for number, image in enumerate(images):
        place = path / str(LABELS[number]) / f"{number}.{suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place, **options)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_pictures_are_upright_as_their_exif_note_says(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    write_folder(tmp_path / "turned", [np.rot90(i) for i in IMAGES], suffix, exif=exif)
    write_folder(tmp_path / "plain", suffix=suffix)
    turned, plain = (load(f"folder:{tmp_path}/{name}")[0] for name in ("turned", "plain"))
    assert np.array_equal(turned.images, plain.images)


def test_what_lies_beside_is_said_or_refused(tmp_path):
    write_folder(tmp_path / "a")
    (tmp_path / "a" / "notes.txt").write_text("x")
    (tmp_path / "a" / ".hidden").mkdir()
    (tmp_path / "a" / "__MACOSX").mkdir()
    done = check(f"folder:{tmp_path}/a")
    assert "left out: 1 other files, as notes.txt; what was read is whole" in done.output
    for place in ("x.png", "0/y.webp", "0/deep/z.png"):
        path = tmp_path / "a" / place
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(IMAGES[0]).save(path)
        with pytest.raises(DataError, match=path.name):
            load(f"folder:{tmp_path}/./a" + "/." * len(place))
        path.unlink()


@pytest.mark.parametrize("scale", ["bytes and shares", "dark test"])
def test_each_part_has_its_own_range(tmp_path, scale):
    test = IMAGES[:20] / 255 if scale == "bytes and shares" else IMAGES[:20] // 8
    np.savez(tmp_path / "x.npz", x_train=IMAGES, y_train=LABELS, x_test=test, y_test=LABELS[:20])
    if scale == "bytes and shares":
        with pytest.raises(DataError, match="train 0 to 255 and test 0 to 1 lie in different"):
            load(f"npz:{tmp_path}/x.npz")
    else:
        findings = {f.check: f for f in check_dataset(*load(f"npz:{tmp_path}/x.npz"))}
        assert not findings["brightness"].ok
        assert "no pixel of the test set" in findings["brightness"].result


def table(path, columns, header=None, separator=","):
    lines = [separator.join(map(str, row)) for row in np.column_stack(columns).tolist()]
    path.write_text("\n".join(([separator.join(header)] if header else []) + lines) + "\n")


FLAT = IMAGES.reshape(60, -1).copy()
FLAT[:, [0, -1]] = 0
PIXELS = [f"pixel{k}" for k in range(36)]


@pytest.mark.parametrize(
    ("columns", "header", "separator", "suffix"),
    [
        ([LABELS, FLAT], ["label", *PIXELS], ",", "csv"),
        ([LABELS, FLAT], ["label", *PIXELS], ";", "csv"),
        ([LABELS, FLAT], ["label", *PIXELS], "\t", "tsv"),
        ([FLAT, LABELS], [*PIXELS, "digit"], ",", "csv"),
        ([LABELS, FLAT], None, ",", "csv"),
        ([FLAT, LABELS], None, ",", "csv"),
    ],
)
def test_the_class_of_a_table_is_found_wherever_it_stands(
    tmp_path, columns, header, separator, suffix
):
    table(tmp_path / f"x.{suffix}", columns, header, separator)
    train, test = load(f"csv:{tmp_path}/x.{suffix}")
    images = np.concatenate([train.images, test.images])
    labels = np.concatenate([train.labels_N, test.labels_N])
    known = {image.tobytes(): label for image, label in zip(FLAT, LABELS, strict=True)}
    assert [known[image.tobytes()] for image in images] == labels.tolist()


@pytest.mark.parametrize(
    ("columns", "header", "words"),
    [
        ([LABELS, FLAT[:, :-1], LABELS], None, "the first or the last"),
        ([FLAT], PIXELS, "it has none"),
        ([LABELS, FLAT, LABELS], ["label", *PIXELS, "class"], "it has several, label, class"),
        ([LABELS, FLAT, LABELS], ["label", *PIXELS, "label"], "occur more than once"),
    ],
)
def test_a_class_is_never_guessed(tmp_path, columns, header, words):
    table(tmp_path / "x.csv", columns, header)
    with pytest.raises(DataError, match=words):
        load(f"csv:{tmp_path}/x.csv")


def test_texts_and_matlab_in_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py")
    words = np.array(["ant", "bee", "cat"])[LABELS]
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["images"], file["labels"] = IMAGES, [str(word) for word in words]
    colour = RNG.integers(0, 256, (60, 6, 8, 3)).astype(np.uint8)  # N, H, W, C
    with h5py.File(tmp_path / "m.h5", "w") as file:
        for name, array in (("x", np.moveaxis(colour, 0, 3)), ("y", LABELS[:, np.newaxis])):
            file[name] = array.T  # as MATLAB stores X(H,W,C,N) and y(N,1)
            file[name].attrs["MATLAB_class"] = np.bytes_("uint8")
    train, _ = load(f"h5:{tmp_path}/t.h5")
    assert train.class_names == ("ant", "bee", "cat")
    train, _ = load(f"h5:{tmp_path}/m.h5")
    assert train.images.shape[1:] == (6, 8, 3)
    known = {image.tobytes(): label for image, label in zip(colour, LABELS, strict=True)}
    assert [known[image.tobytes()] for image in train.images] == train.labels_N.tolist()


def test_arrays_without_names_and_arrays_left_out(tmp_path):
    np.savez(tmp_path / "a.npz", IMAGES, LABELS)
    assert load(f"npz:{tmp_path}/a.npz")[0].n_classes == 3
    np.savez(tmp_path / "b.npz", IMAGES, IMAGES[:20], LABELS, LABELS[:20])
    assert len(load(f"npz:{tmp_path}/b.npz")[1]) == 20
    np.savez(tmp_path / "c.npz", x_train=IMAGES, y_train=LABELS, x_val=IMAGES)
    assert "left out: array x_val; what was read is whole" in check(f"npz:{tmp_path}/c.npz").output
