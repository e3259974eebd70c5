"""Look and bytes of every figure: the same evidence gives the same file.

Figures are laid out in inches from the top left on a `Sheet`, without pyplot and without a window.
Colours are those of Okabe & Ito (2008), which colour-blind people can tell apart; a status also has
a marker of its own, so that no finding hangs on colour.
"""

import functools
import io
import re
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text as MplText

from misread import wording
from misread.files import write_atomic

P = ParamSpec("P")
R = TypeVar("R")

INK, MUTED, FAINT, GRID = "#16181d", "#5d6470", "#aab0ba", "#e4e7ec"
BLUE, VERMILLION, ORANGE = "#0072B2", "#D55E00", "#E69F00"
GREEN, PURPLE, SKY = "#009E73", "#AA4499", "#56B4E9"
STATUS_COLOURS = {"harmed": VERMILLION, "undetermined": ORANGE, "safe": BLUE, "scanned": MUTED}
STATUS_MARKERS = {"harmed": "D", "undetermined": "s", "safe": "o", "scanned": "."}
VERDICT_COLOURS = {
    "HARM": VERMILLION,
    "REDUCED": BLUE,
    "UNDERPOWERED": "#9A6B00",
    "NOT SHOWN": MUTED,
}
ERRORS_MAP = LinearSegmentedColormap.from_list("errors", ["#ffffff", "#f6b38a", VERMILLION])
CHANGE_MAP = LinearSegmentedColormap.from_list(
    "change", [BLUE, "#9ccbe6", "#ffffff", "#f6b38a", VERMILLION]
)
INK_MAP = LinearSegmentedColormap.from_list("ink", ["#ffffff", "#101114"])

DPI = 144
_TAG = re.compile("<[^>]+>")
_BLANK, _BLANKS = re.compile(r"\s*\n\s*<"), re.compile(r"\s+")
_DECIMALS = re.compile(r"(\d\.\d{2})\d+")
_NEEDLESS = re.compile(
    r' id="([a-zA-Z0-9_.]+_\d+|image[0-9a-f]+)"'
    r"| font-family: 'DejaVu Sans';"
    r'| transform="rotate\(-0 [^"]*\)"'
)
_MARGIN_IN = 0.35
_CHARACTER_EM = {True: 0.61, False: 0.545}  # mean width of a character, bold or not
_RC: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10.5,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.9,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.unicode_minus": True,
    "text.parse_math": False,  # a class may be called "$"
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "lines.solid_capstyle": "round",
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function draw in our style, whatever the caller's matplotlib settings are."""

    @functools.wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(_RC)
            return draw(*args, **kwargs)

    return inner


@styled
def png(figure: Figure) -> bytes:
    """Return a figure as PNG bytes; without date and software name, so that they repeat."""
    return _file_of(figure, format="png", metadata={"Software": None})


@styled
def svg(figure: Figure) -> str:
    """Return a figure as an SVG element of a page: its text is text, and nothing has an id twice.

    The page's style sheet says which typeface it has, and what becomes of its colours in the dark.
    """
    mpl.rcParams.update(
        {"svg.fonttype": "none", "svg.hashsalt": "misread", "image.composite_image": False}
    )
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    text = _file_of(figure, format="svg", metadata=metadata, transparent=True).decode()
    body = text.partition("</defs>")[2].rpartition("</svg>")[0]
    body = _TAG.sub(lambda tag: _short(tag[0]), _BLANK.sub("<", body))
    width, height = (72 * side for side in figure.get_size_inches())
    title = escape(wording.visible(str(figure.get_label())))
    return f'<svg role="img" aria-label="{title}" viewBox="0 0 {width:g} {height:g}">{body}</svg>'


def _file_of(figure: Figure, **options: Any) -> bytes:
    """Return a figure as a file, in which characters that steer or turn text are visible."""
    for text in figure.findobj(MplText):
        if not text.get_text().isprintable():
            text.set_text(wording.visible(text.get_text()))
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a box stands for it
        figure.savefig(buffer, **options)
    return buffer.getvalue()


def _short(tag: str) -> str:
    """Return a tag of matplotlib's without needless ids, decimals and blanks."""
    kept = tag if "base64" in tag else _DECIMALS.sub(r"\1", tag)
    kept = kept.replace("base64,\n", "base64,").replace(' id="photo"', ' class="photo"')
    return _BLANKS.sub(" ", _NEEDLESS.sub("", kept))


def write_png(path: Path, figure: Figure) -> Path:
    """Write a figure as a PNG file, or raise `StoreError`; return the file."""
    write_atomic(path, png(figure))
    return path


class Sheet:
    """A figure with a title, laid out in inches from the left and from below the title.

    Width and height are those of the body; the title, which is the finding in one sentence, adds
    to the height. The subtitle says what is drawn; the warning, above everything, why the result
    proves nothing ("" where it may).
    """

    def __init__(
        self, width: float, height: float, title: str, subtitle: str = "", warning: str = ""
    ) -> None:
        inner = width - 2 * _MARGIN_IN
        lines: list[tuple[str, dict[str, Any]]] = [
            (line, {"size": size, "colour": colour, "bold": bold})
            for text, size, colour, bold in (
                (warning and f"Exploratory: {warning}.", 10.5, VERMILLION, True),
                (title, 16.0, INK, True),
                (subtitle, 11.0, MUTED, False),
            )
            for line in textwrap.wrap(text, int(inner * 72 / (size * _CHARACTER_EM[bold])))
        ]
        heights = [look["size"] * 1.42 / 72 for _, look in lines]
        self.width = width
        self.top = 0.3 + sum(heights) + 0.15
        self.height = self.top + height
        self.figure = Figure(figsize=(width, self.height), dpi=DPI)
        self.figure.set_label(title)  # what the page reads aloud
        down = 0.3 - self.top
        for (line, look), line_height in zip(lines, heights, strict=True):
            self.text(_MARGIN_IN, down, line, **look)
            down += line_height

    def _at(self, left: float, down: float) -> tuple[float, float]:
        """Return a place of the body as shares of the figure, from its lower left corner."""
        return left / self.width, 1 - (self.top + down) / self.height

    def axes(self, left: float, down: float, width: float, height: float) -> Axes:
        """Return axes whose upper left corner lies at (left, down) in the body, in inches."""
        bottom = 1 - (self.top + down + height) / self.height
        box = (left / self.width, bottom, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def text(
        self,
        left: float,
        down: float,
        text: str,
        *,
        size: float = 11,
        bold: bool = False,
        colour: str = INK,
        **options: Any,
    ) -> None:
        """Write at (left, down) in the body, in inches; the text hangs from there."""
        look = {"fontsize": size, "fontweight": "bold" if bold else "normal", "color": colour}
        settings: dict[str, Any] = {"va": "top"} | look | options
        self.figure.text(*self._at(left, down), text, **settings)

    def rule(self, down: float) -> None:
        """Draw a hairline over the whole width."""
        left, y = self._at(_MARGIN_IN, down)
        self.figure.add_artist(Line2D([left, 1 - left], [y, y], color=GRID, lw=1.2))

    def mark(self, left: float, down: float, marker: str, **options: Any) -> None:
        """Draw a mark at (left, down) in the body, in inches."""
        x, y = self._at(left, down)
        self.figure.add_artist(Line2D([x], [y], marker=marker, ls="", **options))

    def image(
        self, left: float, down: float, size: float, image: npt.NDArray[np.uint8]
    ) -> Rectangle:
        """Draw one image in a square of `size` inches, and return the hairline around it.

        Dark ink on white with crisp pixels for `uint8 [H,W]`, its own colours for `[H,W,3]`. All
        images of a sheet lie on one layer, in inches: axes for each would take most of the time.
        """
        if image.ndim == 3 and image.shape[-1] == 1:
            image = image[..., 0]
        down += self.top
        drawn = AxesImage(
            self._layer,
            cmap=INK_MAP,
            norm=Normalize(0, 255),
            interpolation="nearest",
            extent=(left, left + size, down + size, down),
        )
        drawn.set_data(image)
        drawn.set_gid("photo")  # whose colours stay as they are in the dark
        self._layer.add_image(drawn)
        outline = Rectangle((left, down), size, size, fill=False, ec="#d3d7de", lw=0.7)
        self._layer.add_artist(outline)
        return outline

    @functools.cached_property
    def _layer(self) -> Axes:
        """The layer of the images: the whole sheet, in inches from its upper left corner."""
        layer = self.figure.add_axes((0, 0, 1, 1), frameon=False, zorder=-1)
        layer.set_axis_off()
        layer.set_xlim(0, self.width)
        layer.set_ylim(self.height, 0)
        return layer


def bare(axes: Axes, *, keep: str = "") -> None:
    """Take away the spines that `keep` (as in "left bottom") does not name."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)


def frame(outline: Rectangle, colour: str, *, dashed: bool = False, width: float = 2.0) -> None:
    """Draw a border around an image, of which `outline` is what `Sheet.image` returned."""
    outline.set(
        edgecolor=colour,
        linewidth=width,
        linestyle=(0, (3, 2)) if dashed else "solid",
        clip_on=False,
        zorder=10,
    )
