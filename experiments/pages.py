"""Pages of real MNIST digits as a camera would see them, with the place of every digit.

The shapes are those of *confirm*, scaled up; pen, ink, paper, ruling, light and camera are drawn.
`experiments/paper.py` measures on such pages, and the tests hold what it measured.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from skimage.morphology import skeletonize

from misread.data.mnist import load_mnist
from misread.seeds import derive

WIDTH, HEIGHT = 1000, 1400
_ROWS, _COLUMNS = 8, 6
BLACK, BLUE, RED, GREEN = (30, 30, 35), (35, 55, 150), (190, 35, 45), (30, 120, 60)
PENCIL, CHALK = (125, 125, 128), (225, 225, 215)
WHITE, BOARD = (246, 244, 238), (38, 56, 48)
_RULE = (150, 180, 220)

_skeletonize: Callable[..., npt.NDArray[np.bool_]] = skeletonize  # skimage has no types

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Condition:
    """How a page is written and photographed."""

    words: str  # the condition, for the table
    pen: float | None = 0.07  # stroke width as a share of the digit's height; None: as in MNIST
    inks: tuple[tuple[int, int, int], ...] = (BLACK,)  # each row of digits takes the next
    paper: tuple[int, int, int] = WHITE
    ruling: str = ""  # or "ruled" (lines below the rows), or "squared" (a grid through the digits)
    rule: tuple[int, int, int] = _RULE  # colour of the ruling
    angle_deg: float = 0  # the page is turned by up to so much
    light: float = 1  # of the darkest corner; a straight shadow takes another fifth below 0.6
    noise: float = 2  # standard deviation of the camera's noise, of 255
    blur_px: float = 0.6  # standard deviation of its blur
    jpeg: int = 100  # quality; 100 is no JPEG
    desk: bool = False  # the page lies on a wooden table and is seen from the side
    height_px: tuple[int, int] = (84, 112)  # least and most of MNIST's box of 28 on the page
    gap_px: tuple[int, int] = (35, 59)  # between the boxes of neighbours; below 0 they overlap


CONDITIONS = {
    "plain": Condition("black pen, even light"),
    "marker": Condition("strokes as thick as MNIST's", pen=None),
    "fine": Condition("fine pen (3% of the height)", pen=0.03),
    "inks": Condition("blue, red, green ink, pencil", inks=(BLUE, RED, GREEN, PENCIL)),
    "noise": Condition("camera noise, SD 15 of 255", noise=15),
    "blur": Condition("out of focus, SD 3 px", blur_px=3),
    "light": Condition("light falls to 35%, with a shadow's edge", light=0.35),
    "turned": Condition("page turned by up to 6°", angle_deg=6),
    "ruled": Condition("ruled paper, turned by up to 3°", ruling="ruled", angle_deg=3),
    "squared": Condition("squared paper, turned by up to 3°", ruling="squared", angle_deg=3),
    "dark-squared": Condition(
        "squared paper, lines grey as pencil", ruling="squared", rule=(120, 120, 125)
    ),
    "jpeg": Condition("JPEG of quality 15", jpeg=15),
    "small": Condition("small: 28 to 40 px high", height_px=(36, 52), blur_px=0.8),
    "chalk": Condition("chalk on a board", inks=(CHALK,), paper=BOARD, pen=0.09),
    "close": Condition("close together, as in numbers", gap_px=(6, 12)),
    "touching": Condition("so close that many touch", gap_px=(-6, 2)),
    "tiny": Condition("tiny: 14 to 19 px high", height_px=(18, 24), blur_px=0.8),
    "rough": Condition("pencil, camera noise, SD 40 of 255", inks=(PENCIL,), noise=40),
    "photo": Condition(
        "blue pen, squared, from the side on a table, uneven light, noise, blur, JPEG",
        inks=(BLUE,),
        ruling="squared",
        angle_deg=3,
        light=0.5,
        noise=6,
        blur_px=1.2,
        jpeg=60,
        desk=True,
    ),
}


@dataclass(frozen=True)
class Page:
    """A page: `photo` uint8 [H,W,3] RGB, `boxes_N4` (x, y, width, height in px), `ids_N`.

    `ids_N` are the places of the digits in *confirm*, `labels_N` their classes.
    """

    photo: Picture
    boxes_N4: npt.NDArray[np.int64]
    ids_N: npt.NDArray[np.int64]
    labels_N: npt.NDArray[np.int64]


def render(condition: Condition, number: int) -> Page:
    """Return page `number` of a condition, the same every time; another has other digits."""
    digits = load_mnist()[1]
    rng = derive(number, "page")
    ink = np.zeros((HEIGHT, WIDTH), np.float32)
    owner = np.zeros((HEIGHT, WIDTH), np.uint16)
    row_of = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids = rng.choice(len(digits), _ROWS * _COLUMNS * 2, replace=False)
    used: list[int] = []
    pitch = (HEIGHT - 160) / _ROWS
    for row in range(_ROWS):
        x = 70 + int(rng.integers(0, 30))
        while True:
            shape = _stroke(digits.images[ids[len(used)]], condition, rng)
            y = int(80 + pitch * (row + 0.5) - shape.shape[0] / 2 + rng.integers(-5, 6))
            if x + shape.shape[1] > WIDTH - 70 or len(used) + 1 == len(ids):
                break
            place = (slice(y, y + shape.shape[0]), slice(x, x + shape.shape[1]))
            used.append(int(ids[len(used)]))
            ink[place] = np.maximum(ink[place], shape)
            owner[place][shape > 0.5] = len(used)  # where two cross, it is the later one's
            row_of[place] = row
            x += shape.shape[1] + int(rng.integers(condition.gap_px[0], condition.gap_px[1] + 1))
    inks = np.array(condition.inks, np.float32)[row_of % len(condition.inks)]
    sheet = _paper(condition, rng)
    # Pencil and pen leave the paper's grain: ink is not equally dark everywhere.
    grain = 1 - 0.12 * cv2.GaussianBlur(rng.random(ink.shape, np.float32), (0, 0), 1)
    alpha = (ink * grain)[..., np.newaxis]
    photo = sheet * (1 - alpha) + inks * alpha
    photo, owner = _turned(photo, owner, condition, rng)
    photo = _camera(photo, condition, rng)
    boxes = [cv2.boundingRect((owner == n + 1).astype(np.uint8)) for n in range(len(used))]
    ids_N = np.array(used)
    return Page(photo, np.array(boxes, np.int64), ids_N, digits.labels_N[ids_N])


def _stroke(image: Picture, condition: Condition, rng: np.random.Generator) -> Floats:
    """Return a digit as ink in [0, 1], cut to its box: MNIST's shape with the condition's pen."""
    side = int(rng.integers(condition.height_px[0], condition.height_px[1] + 1))
    fine = 4 * side  # drawn larger and shrunk, for smooth edges
    large = cv2.resize(image, (fine, fine), interpolation=cv2.INTER_CUBIC)
    mask = (np.asarray(cv2.GaussianBlur(large, (0, 0), fine / 90)) > 127).astype(np.uint8)
    if condition.pen is not None:
        line = _skeletonize(mask > 0)
        width = max(1, round(condition.pen * fine * 20 / 28))
        tip = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        mask = np.asarray(cv2.dilate(np.pad(line.astype(np.uint8), width), tip), np.uint8)
    side = round(mask.shape[0] / 4)
    ink = cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.5), np.flatnonzero(ink.max(axis=0) > 0.5)
    return np.asarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.float32)


def _paper(condition: Condition, rng: np.random.Generator) -> Floats:
    sheet = np.ones((HEIGHT, WIDTH, 3), np.float32) * np.array(condition.paper, np.float32)
    texture = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2)
    sheet += 8 * texture[..., np.newaxis]
    step = {"ruled": round((HEIGHT - 160) / _ROWS), "squared": 39}.get(condition.ruling)
    if step is not None:
        for y in range(80, HEIGHT, step):
            cv2.line(sheet, (0, y), (WIDTH, y), condition.rule, 2, cv2.LINE_AA)
        if condition.ruling == "squared":
            for x in range(20, WIDTH, step):
                cv2.line(sheet, (x, 0), (x, HEIGHT), condition.rule, 2, cv2.LINE_AA)
        else:
            cv2.line(sheet, (55, 0), (55, HEIGHT), (225, 150, 150), 2, cv2.LINE_AA)
    return sheet


def _turned(
    photo: Floats, owner: npt.NDArray[np.uint16], condition: Condition, rng: np.random.Generator
) -> tuple[Floats, npt.NDArray[np.uint16]]:
    angle = rng.uniform(-condition.angle_deg, condition.angle_deg)
    size = (WIDTH, HEIGHT)
    turn = np.vstack([cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), angle, 1), [0, 0, 1]])
    way: npt.NDArray[np.float64] = turn
    beyond: Floats | None = None
    if condition.desk:
        corners = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
        seen = corners * 0.86 + np.array([0.07 * WIDTH, 0.07 * HEIGHT], np.float32)
        seen[:2, 0] += np.array([35, -35], np.float32)  # the far edge looks shorter
        seen += rng.uniform(-12, 12, seen.shape).astype(np.float32)
        way = np.asarray(cv2.getPerspectiveTransform(corners, seen.astype(np.float32)) @ way)
        wood = rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32)
        grain = cv2.GaussianBlur(wood, (0, 0), sigmaX=60, sigmaY=1.5)[..., np.newaxis]
        beyond = np.asarray(np.array([120, 85, 60]) + 140 * grain, np.float32)
    edge = cv2.BORDER_REPLICATE
    turned = cv2.warpPerspective(photo, way, size, flags=cv2.INTER_CUBIC, borderMode=edge)
    if beyond is not None:
        paper = cv2.warpPerspective(np.ones((HEIGHT, WIDTH), np.float32), way, size)
        turned = turned * paper[..., np.newaxis] + beyond * (1 - paper[..., np.newaxis])
    owner_turned = cv2.warpPerspective(owner, way, size, flags=cv2.INTER_NEAREST)
    return np.asarray(turned, np.float32), np.asarray(owner_turned, np.uint16)


def _camera(photo: Floats, condition: Condition, rng: np.random.Generator) -> Picture:
    if condition.light < 1:
        rows, columns = np.mgrid[0 : 1 : 1j * HEIGHT, 0 : 1 : 1j * WIDTH].astype(np.float32)
        towards = rng.uniform(0, 2 * np.pi)
        slope = (columns - 0.5) * np.cos(towards) + (rows - 0.5) * np.sin(towards)
        slope = (slope - slope.min()) / np.ptp(slope)
        light = 1 - (1 - condition.light) * slope
        if condition.light < 0.6:
            light *= 1 - 0.2 / (1 + np.exp(-(columns - 0.3 - 0.4 * rows) * 60))
        photo = photo * light[..., np.newaxis]
    blurred = cv2.GaussianBlur(photo, (0, 0), condition.blur_px)
    noise = rng.standard_normal(photo.shape).astype(np.float32) * condition.noise
    taken = np.clip(np.rint(blurred + noise), 0, 255).astype(np.uint8)
    if condition.jpeg < 100:
        options = [cv2.IMWRITE_JPEG_QUALITY, condition.jpeg]
        _, content = cv2.imencode(".jpg", taken[..., ::-1], options)
        taken = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    return np.ascontiguousarray(taken)
