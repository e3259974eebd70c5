"""Digits on paper: found on rendered pages of real MNIST digits, read, made a dataset."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from misread.cli import main
from misread.data.mnist import load_mnist
from misread.data.pictures import read_photo
from misread.data.sources import load
from misread.errors import DataError
from misread.images.page import find_digits

SCRIPTS = Path(__file__).resolve().parents[2] / "experiments"
PAGE = 1000  # none that was looked at while the finder was made


@pytest.fixture
def pages(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import pages

    return pages


@pytest.fixture
def matched(pages, monkeypatch):  # noqa: ARG001  scripts are found
    import paper

    return paper.matched


def sheet(images, columns=4, scale=3, gap=20, ink=(30, 30, 60), paper=(245, 244, 240)):
    """MNIST's images as they are on an even sheet, some px apart."""
    side = 28 * scale + gap
    rows = -(-len(images) // columns)
    page = np.zeros((rows * side + 60, columns * side + 60), np.float32)
    for n, image in enumerate(images):
        y, x = divmod(n, columns)
        large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        top, left = 30 + y * side, 30 + x * side
        page[top : top + 28 * scale, left : left + 28 * scale] = large / 255
    shown = page[..., None] * np.array(ink) + (1 - page[..., None]) * np.array(paper)
    return np.rint(np.clip(shown, 0, 255)).astype(np.uint8)


def save(path, photo):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), photo[..., ::-1])
    return path


# --- found ----------------------------------------------------------------------------------------

# Least share found on one page of 66 to 95 digits, and most false finds on it.
BOUNDS = {
    "plain": (0.97, 1),
    "marker": (0.96, 1),
    "fine": (0.96, 1),
    "inks": (0.97, 1),
    "noise": (0.97, 1),
    "blur": (0.96, 1),
    "light": (0.96, 1),
    "turned": (0.95, 2),
    "ruled": (0.95, 2),
    "squared": (0.94, 3),
    "dark-squared": (0.94, 3),
    "jpeg": (0.96, 1),
    "small": (0.95, 2),
    "chalk": (0.97, 1),
    "close": (0.95, 2),
    "touching": (0.5, 12),
    "tiny": (0.93, 5),
    "rough": (0.95, 2),
    "photo": (0.93, 3),
}


def test_every_condition_has_its_bound(pages):
    assert set(BOUNDS) == set(pages.CONDITIONS)


@pytest.mark.parametrize("name", BOUNDS)
def test_digits_on_paper_are_found_in_reading_order(name, pages, matched):
    page = pages.render(pages.CONDITIONS[name], PAGE)
    found = find_digits(page.photo)
    pairs = matched(page, found)
    least, most_false = BOUNDS[name]
    assert len(pairs) >= least * len(page.labels_N)
    assert len(found.digits) - len(pairs) <= most_false
    assert list(pairs.values()) == sorted(pairs.values())
    assert found.ink.is_bright == (name == "chalk")


def test_the_same_page_is_drawn_again(pages):
    first, second = (pages.render(pages.CONDITIONS["photo"], 2) for _ in range(2))
    assert np.array_equal(first.photo, second.photo)
    assert np.array_equal(first.boxes_N4, second.boxes_N4)


def test_a_digit_becomes_what_it_is_in_mnist():
    test = load_mnist()[1]
    page = find_digits(sheet(test.images[:20]))
    assert len(page.digits) == 20
    steps = (-1, 0, 1)  # rounded another way, the centre of mass moves by a pixel
    for ours, theirs in zip(page.images, test.images[:20], strict=True):
        moved = [np.roll(ours, (y, x), (0, 1)).ravel() for y in steps for x in steps]
        assert max(np.corrcoef(image, theirs.ravel())[0, 1] for image in moved) > 0.9


def test_the_tilt_of_a_page_is_found(pages):
    from dataclasses import replace

    ruled = replace(pages.CONDITIONS["ruled"], angle_deg=0)
    photo = pages.render(ruled, 0).photo
    for angle in (-4.0, 2.5):
        middle = (photo.shape[1] / 2, photo.shape[0] / 2)
        turned = cv2.warpAffine(
            photo,
            cv2.getRotationMatrix2D(middle, angle, 1),
            photo.shape[1::-1],
            borderMode=cv2.BORDER_REPLICATE,
        )
        assert find_digits(turned).ink.tilt_deg == pytest.approx(angle, abs=0.3)


def test_a_loose_bar_belongs_to_its_digit():
    photo = np.full((300, 600, 3), 245, np.uint8)
    for left in (60, 240, 420):
        cv2.ellipse(photo, (left + 40, 180), (35, 40), 0, -100, 120, (20, 20, 20), 7)
        cv2.line(photo, (left + 32, 120), (left + 80, 112), (20, 20, 20), 7)  # 10 px above
    found = find_digits(photo)
    assert len(found.digits) == 3
    assert all(digit.box[3] > 100 for digit in found.digits)


@pytest.mark.parametrize("noise", [0, 20])
def test_an_empty_page_has_no_digit(noise):
    rng = np.random.default_rng(0)
    photo = np.clip(rng.normal(220, noise, (700, 500, 3)), 0, 255).astype(np.uint8)
    assert not find_digits(photo).digits


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 5000), (5000, 3), (28, 28)])
@pytest.mark.parametrize("value", [0, 130, 255])
def test_a_picture_of_any_shape_and_of_nothing_is_empty(shape, value):
    assert not find_digits(np.full((*shape, 3), value, np.uint8)).digits


@pytest.mark.parametrize("shape", [(600, 800), (1500, 2000)])
def test_a_page_of_specks_alone_is_read_as_it_is(shape):
    rng = np.random.default_rng(0)
    photo = np.full((*shape, 3), 240, np.uint8)
    for _ in range(200):  # too small to be cut apart
        y, x = rng.integers(20, shape[0] - 20), rng.integers(20, shape[1] - 20)
        photo[y : y + rng.integers(2, 4), x : x + rng.integers(3, 6)] = 20
    assert find_digits(photo).ink.mask.any()


@pytest.mark.parametrize("scale", [2, 12, 40])
def test_a_single_digit_is_found_whatever_its_size(scale):
    for image in load_mnist()[1].images[:4]:
        large = sheet([image], columns=1, scale=scale)
        photo = cv2.copyMakeBorder(large, 100, 200, 300, 50, cv2.BORDER_REPLICATE)
        assert len(find_digits(photo).digits) == 1


def test_a_picture_of_mnists_own_size_is_read_too():
    digits = load_mnist()[1].images[:10]
    for image in (*digits, *(255 - digits)):
        found = find_digits(np.repeat(image[..., None], 3, axis=2))
        assert len(found.digits) == 1


# --- files ----------------------------------------------------------------------------------------


def test_a_photo_is_upright_whatever_its_camera_says(tmp_path):
    photo = sheet(load_mnist()[1].images[:4], columns=2)[:, :200]
    turned = {
        1: photo,
        3: np.rot90(photo, 2),
        6: np.rot90(photo, 1),
        8: np.rot90(photo, 3),
        2: photo[:, ::-1],
    }
    for note, pixels in turned.items():
        notes = Image.Exif()
        notes[0x0112] = note
        path = tmp_path / f"{note}.png"
        Image.fromarray(np.ascontiguousarray(pixels)).save(path, exif=notes)
        assert np.array_equal(read_photo(path), photo), note


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp"])
def test_photos_come_in_many_formats(suffix, tmp_path):
    photo = sheet(load_mnist()[1].images[:4])
    path = save(tmp_path / f"page.{suffix}", photo)
    assert read_photo(path).shape == photo.shape
    assert len(find_digits(read_photo(path)).digits) == 4


def huge_png(path):
    """A PNG that claims 60,000 × 60,000 px in a few bytes."""
    import struct
    import zlib

    content = b"\x89PNG\r\n\x1a\n"
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(content)


def run(*args):
    more = ["--trust"] if args[0] == "read" else []
    return CliRunner().invoke(main, [*map(str, args), *more])


def test_what_is_no_photo_is_told_in_one_sentence(tmp_path, rehearsal, snapshot):
    whole = save(tmp_path / "page.png", sheet(load_mnist()[1].images[:4]))
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:900])
    huge_png(tmp_path / "huge.png")
    told = {}
    for name in ("nowhere.png", "empty.png", "text.jpg", "cut.png", "huge.png", ""):
        done = run("read", tmp_path / name, "--from", rehearsal)
        assert done.exit_code == 2, done.output
        assert len(done.output.splitlines()) == 1
        told[name or "a folder"] = done.output.strip().replace(str(tmp_path), "TMP")
    for name, options in (
        ("no such arm", ["--from", rehearsal, "--arm", "boht"]),
        ("no study", ["--from", tmp_path / "nowhere"]),
    ):
        done = run("read", whole, *options)
        assert done.exit_code == 2, done.output
        text = done.output.strip().replace(str(rehearsal), "STUDY")
        told[name] = text.replace(str(tmp_path), "TMP")
    assert told == snapshot


def test_without_a_study_it_says_how_to_train_one(tmp_path, monkeypatch, snapshot):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "page.png", sheet(load_mnist()[1].images[:4]))
    done = run("read", "page.png")
    assert done.exit_code == 2
    assert done.output == snapshot


# --- read -----------------------------------------------------------------------------------------


def test_photos_are_read_by_every_seed(tmp_path, rehearsal, pages):
    plain = pages.render(pages.CONDITIONS["plain"], PAGE)
    save(tmp_path / "page.png", plain.photo)
    save(tmp_path / "bare.png", np.full((300, 300, 3), 240, np.uint8))
    photos = [tmp_path / "page.png", tmp_path / "bare.png"]
    options = ["--from", rehearsal, "--crops", tmp_path / "crops", "--json"]
    done = run("read", *photos, *options)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    page, bare = told["photos"]
    assert not bare["digits"]
    assert told["exploratory"]  # a smoke run proves nothing, and every output says so
    digits = page["digits"]
    assert [digit["number"] for digit in digits] == list(range(1, len(digits) + 1))
    for digit in digits:
        assert sum(digit["read_by"].values()) == len(told["seeds"])
        agree = digit["read_by"].get(digit["reading"], 0) / len(told["seeds"])
        assert digit["disagreement"] == pytest.approx(1 - agree, abs=1e-3)
        assert digit["unsure"] == (digit["confidence"] < 0.9)
    read = "".join(digit["reading"] for digit in digits)
    assert len(read) == len(plain.labels_N)
    right = np.mean([int(a) == b for a, b in zip(read, plain.labels_N, strict=True)])
    assert right > 0.6  # models of one epoch on 2,000 images
    assert len(list((tmp_path / "crops").glob("page-*.png"))) == len(digits)
    crop = cv2.imread(str(next((tmp_path / "crops").glob("page-001-*.png"))), cv2.IMREAD_GRAYSCALE)
    assert crop.shape == (28, 28)
    drawn = cv2.imread(str(tmp_path / "page.read.png"))
    assert min(drawn.shape[:2]) > 1000
    # A second time, all files of the folder: what was written is no photo.
    done = run(
        "read", *sorted(tmp_path.glob("*.png")), "--from", rehearsal, "--out", tmp_path / "out"
    )
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "bare.read.png",
        "page.read.png",
    ]
    assert "bare.png: no digit found" in done.output
    assert "line 1: " + " ".join(read[: len(digits) // 20]) in done.output
    assert "Exploratory: " in done.output


def test_photos_of_one_name_do_not_overwrite_each_other(tmp_path, rehearsal):
    digits = load_mnist()[1].images
    photos = [save(tmp_path / name / "page.png", sheet(digits[:4])) for name in ("a", "b")]
    photos += [save(tmp_path / "a" / "page.jpg", sheet(digits[:4])), photos[0]]
    options = [
        "--from",
        rehearsal,
        "--out",
        tmp_path / "out",
        "--crops",
        tmp_path / "crops",
        "--json",
    ]
    done = run("read", *photos, *options)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)["photos"]
    assert [each["photo"] for each in told] == [str(path) for path in photos[:3]]
    pictures = {each["picture"] for each in told}
    assert len(pictures) == 3
    assert {str(path) for path in (tmp_path / "out").iterdir()} == pictures
    assert len(list((tmp_path / "crops").iterdir())) == 3 * 4
    done = run("read", pictures.pop(), "--from", rehearsal)
    assert done.exit_code == 2
    assert "is what `misread read` wrote, and no photo; name the photo itself." in done.output


# --- a dataset ------------------------------------------------------------------------------------


def test_a_folder_of_labelled_photos_is_a_dataset(tmp_path):
    test = load_mnist()[1]
    for label in (4, 9):
        images = test.images[test.labels_N == label][:20]
        save(tmp_path / f"{label}" / "one.png", sheet(images[:12]))
        save(tmp_path / f"{label}" / "two.jpg", sheet(images[12:], ink=(170, 30, 40)))
    train, held_out = load(f"paper:{tmp_path}")
    assert train.class_names == ("4", "9")
    assert len(train) + len(held_out) == 40
    assert train.images.shape[1:] == (28, 28)
    photos = set(train.groups_N.tolist()), set(held_out.groups_N.tolist())
    assert photos[0] | photos[1] == {0, 1, 2, 3}  # a photo is a group
    assert not photos[0] & photos[1]  # and whole: what is tested was not trained on
    assert np.bincount(held_out.labels_N).min() > 0


def test_a_class_with_a_single_photo_is_dealt_by_digit(tmp_path):
    test = load_mnist()[1]
    for label in (4, 9):
        save(tmp_path / f"{label}" / "one.png", sheet(test.images[test.labels_N == label][:20]))
    train, held_out = load(f"paper:{tmp_path}")
    assert np.bincount(train.labels_N).tolist() == [16, 16]
    assert np.bincount(held_out.labels_N).tolist() == [4, 4]


def test_a_photo_without_a_digit_is_named(tmp_path):
    save(tmp_path / "4" / "bare.png", np.full((300, 300, 3), 240, np.uint8))
    with pytest.raises(DataError, match=r"no digit was found in .*bare\.png"):
        load(f"paper:{tmp_path}")
    with pytest.raises(DataError, match="no subfolders with photos"):
        load(f"paper:{tmp_path / '4'}")


# --- the page -------------------------------------------------------------------------------------


def test_the_page_tells_what_was_measured(project, pages):
    told = json.loads((project / "docs/results/reading.json").read_text("utf-8"))
    page = (project / "docs/reading.md").read_text("utf-8")
    rows = {row["name"]: row for row in told["conditions"]}
    assert set(rows) == set(pages.CONDITIONS)
    for row in rows.values():
        line = re.search(rf"^\| {re.escape(row['condition'])} \|.*$", page, re.MULTILINE)
        assert line, row["condition"]
        assert f"{row['found'] / row['digits']:.1%}" in line.group()
        assert f"| {row['found_and_right'] / row['digits']:.1%} |" in line.group()
