"""Numbers in words: one way to write each, for sentences, tables, pages and figures.

Shares are 0 to 1 on the way in. A share is written in per cent ("%"), a difference of two shares in
percentage points ("pp"), a change relative to what was there before in per cent with its sign.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

MINUS = "−"

Range = tuple[int | None, int | None]


class Interval(Protocol):
    """Anything with an interval."""

    @property
    def low(self) -> float:
        """Its lower end."""

    @property
    def high(self) -> float:
        """Its upper end."""


_UNSEEN = re.compile(r"[^\n\x20-\x7e]+")
_LONGEST_WORD = 80
_LONG = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")


def visible(text: str) -> str:
    r"""Return foreign text without what steers a terminal or turns the direction of writing.

    >>> visible("a\x1b[2Jb\tc\u202ed")
    'a�[2Jb c�d'
    """
    return text if text.isprintable() else _UNSEEN.sub(lambda run: _seen(run[0]), text)


def _seen(run: str) -> str:
    blanks = {sign for sign in run if sign in "\t\r\x0b\x0c" or unicodedata.category(sign) == "Zs"}
    return "".join(s if s.isprintable() else " " if s in blanks else "�" for s in run)


def cut(text: str) -> str:
    """Return foreign text as `visible` does, with words of more than 80 letters cut within."""
    return _LONG.sub(lambda word: shortened(word[0], _LONGEST_WORD), visible(text))


def one_line(text: str) -> str:
    """Return foreign text as `cut` does, on one line."""
    return cut(text).replace("\n", " ")


def shortened(text: str, longest: int) -> str:
    """Return text of at most so many letters, cut in the middle, where names differ least.

    >>> shortened("abcdefghij", 5), shortened("abc", 5)
    ('ab…ij', 'abc')
    """
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}…{text[-((longest - 1) // 2) :]}"


def number(value: float, *, decimals: int = 2, sign: bool = False) -> str:
    """Return `value` to three significant digits, at most `decimals` behind the point.

    >>> number(-0.1234), number(6.0, decimals=1), number(1234.5), number(0.5, sign=True)
    ('−0.12', '6.0', '1,234', '+0.50')
    """
    whole_digits = 1 if abs(value) < 1 else int(math.log10(abs(value))) + 1
    places = min(decimals, max(0, 3 - whole_digits))
    text = f"{value:+,.{places}f}" if sign else f"{value:,.{places}f}"
    if not text.strip("+-0.,"):  # no negative zero
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def images(value: float, *, sign: bool = False) -> str:
    """Return a mean number of images per seed, as in "6.1"."""
    return number(value, decimals=1, sign=sign)


def percent(share: float | None) -> str:
    """Return a share in per cent, as in "0.61%", "12.3%" and "99.12%"; "–" where there is none.

    From 90% on it is what is missing that counts, so the second decimal stays.

    >>> percent(0.0061), percent(0.1234), percent(0.99123), percent(1), percent(0.00001)
    ('0.61%', '12.3%', '99.12%', '100%', '<0.01%')
    """
    if share is None:
        return "–"
    if share in {0, 1}:
        return f"{100 * share:.0f}%"
    if share < 0.00005:
        return "<0.01%"
    return f"{100 * share:.2f}%" if share >= 0.9 else f"{number(100 * share)}%"


def points(difference: float) -> str:
    """Return a difference of two shares in percentage points, with its sign.

    >>> points(-0.0123)
    '−1.23 pp'
    """
    return f"{number(100 * difference, sign=True)} pp"


def interval(effect: Interval, scale: float = 1.0, *, decimals: int = 1) -> str:
    """Return the interval of an effect in units of 1/`scale`, as in "−2.0 to +0.4"."""
    low, high = (number(v * scale, decimals=decimals, sign=True) for v in (effect.low, effect.high))
    return f"{low} to {high}"


def level(alpha: float) -> str:
    """Return what an interval of this alpha covers, as in "95%", "99.4%" and "99.92%".

    >>> level(0.05), level(0.0058), level(0.00078)
    ('95%', '99.4%', '99.92%')
    """
    places = 0 if math.isclose(100 * alpha, round(100 * alpha)) else 1
    while places and round(100 * alpha, places) < 2 * 10**-places:
        places += 1
    return f"{100 * (1 - alpha):.{places}f}%"


def p_number(p: float) -> str:
    """Return a p-value for a column of such, as in ".043", "< .001", "1".

    >>> p_number(0.0431), p_number(0.00001), p_number(1.0), p_number(0.999), p_number(0.217)
    ('.043', '< .001', '1', '> .99', '.22')
    """
    if p < 0.001:
        return "< .001"
    if p > 0.99:
        return "1" if p == 1 else "> .99"
    return f"{p:.{3 if p < 0.1 else 2}f}".removeprefix("0")


def p_value(p: float) -> str:
    """Return a p-value for a sentence, as in "p = .043", "p < .001", "p = 1".

    >>> p_value(0.0431), p_value(0.00001)
    ('p = .043', 'p < .001')
    """
    stated = p_number(p)
    return f"p {stated}" if stated[0] in "<>" else f"p = {stated}"


def relative(after: float, before: float) -> str:
    """Return a change relative to before, as in "−13%"; "–" where there was nothing before."""
    if before == 0:
        return "–"
    return f"{number(100 * (after / before - 1), decimals=0, sign=True)}%"


def count(amount: int, noun: str) -> str:
    """Return an amount with its noun, as in "1 seed" and "10 seeds"."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")


def about(amount: int, noun: str, between: Range | None = None) -> str:
    """Return an amount that a plan asks for, rounded up: it is no more exact than two digits.

    >>> about(7, "seed"), about(1234, "image", (980, None))
    ('about 7 seeds', 'about 1,300 images (980 or more)')
    >>> about(8, "seed", (8, 8))
    'about 8 seeds'
    """
    text = f"about {count(_round_up(amount), noun)}"
    if between is None:
        return text
    low, high = _round_up(between[0] or amount), between[1] and _round_up(between[1])
    if low == high:
        return text
    return f"{text} ({low:,} {f'to {high:,}' if high else 'or more'})"


def _round_up(amount: int) -> int:
    """Return `amount` rounded up to two significant digits."""
    step: int = 10 ** max(len(str(amount)) - 2, 0)
    return -(-amount // step) * step


def what_would_do(
    n_seeds: int | None,
    n_images: int | None,
    seeds_range: Range | None = None,
    images_range: Range | None = None,
) -> str:
    """Return how many seeds or images would find a reduction; None where no number would.

    >>> what_would_do(34, None), what_would_do(None, None)
    ('about 34 seeds, for more images alone would not do', 'more seeds and more images together')
    """
    ways = [
        about(number, noun, between)
        for number, noun, between in (
            (n_seeds, "seed", seeds_range), (n_images, "image", images_range)
        )
        if number
    ]  # fmt: skip
    if len(ways) == 1:
        return f"{ways[0]}, for more {'images' if n_seeds else 'seeds'} alone would not do"
    return " or ".join(ways) or "more seeds and more images together"


def chance(share: float) -> str:
    """Return a power or another chance, as in ".29", "under .01" and "over .99"."""
    if share < 0.005:
        return "under .01"
    return "over .99" if share > 0.995 else f"{share:.2f}".replace("0.", ".", 1)


def listed(names: Sequence[str]) -> str:
    """Return names as an English list."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def spans(numbers: Sequence[int]) -> str:
    """Return whole numbers as options take them.

    >>> spans([42, 123, 1, 2, 3, 7, 8])
    '42,123,1-3,7,8'
    """
    parts = []
    for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        parts.append(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)))
    return ",".join(parts)


_DONE = {
    "erode": "thinned",
    "dilate": "thickened",
    "cut": "cut at the foot",
    "lean": "leaned left",
    "erode-within-loops": "thinned, loops kept",
}


def treated(treatment: str) -> str:
    """Return what was done to images, as in "thinned (erode 2 px)"; "" for nothing.

    What has no words of its own is "under" it, as in "under fog@5".
    """
    operation = treatment.partition(" ")[0]
    under = f"under {treatment}" if treatment else ""
    return f"{_DONE[operation]} ({treatment})" if operation in _DONE else under
