"""Names of classes and their codes.

A name is a number when it is a whole number in plain writing; numbers sort as numbers.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from misread import wording
from misread.errors import JudgeError

AnyIntArray = npt.NDArray[np.integer[Any]]
Cell = tuple[int, int]
NamedCell = str | tuple[Any, Any]

_NUMBER = re.compile(r"0|-?[1-9][0-9]*")
_FILLED = 1000  # whole numbers below this are their own codes, so that class 4 is code 4
_LONGEST = 60  # letters of a name in a message
_MOST = 10  # names in a message before "…"


def is_number(name: str) -> bool:
    """Say whether a class name is a whole number in plain writing."""
    return _NUMBER.fullmatch(name) is not None


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return names sorted: numbers as numbers, then words."""
    return tuple(sorted(names, key=lambda n: (0, int(n), n) if is_number(n) else (1, 0, n)))


def class_list(names: Collection[str]) -> tuple[str, ...]:
    """Return all classes, given those that occur; gaps between small numbers are filled.

    JudgeError if one is a negative number.
    """
    ordered = in_order(names)
    if all(is_number(name) for name in ordered):
        if int(ordered[0]) < 0:
            msg = f"a class is {ordered[0]}; allowed are whole numbers of 0 or more, or names."
            raise JudgeError(msg)
        if int(ordered[-1]) < _FILLED:
            return tuple(str(k) for k in range(int(ordered[-1]) + 1))
    return ordered


def union_of(
    what: str, names: tuple[str, ...], what_else: str, others: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the classes of both, in order; `what` and `what_else` name them in a message.

    JudgeError if one has numbers and the other words, or both have a name in another writing: “Cat”
    and “cat”, “07” and “7”.
    """
    if names == others:
        return names
    alone = [
        {_writing(n): n for n in set(a) - set(b)} for a, b in ((names, others), (others, names))
    ]
    if both := alone[0].keys() & alone[1].keys():
        name = min(both)
        msg = (
            f"a class is called {short(alone[0][name])!r} {what} and {short(alone[1][name])!r} "
            f"{what_else}; write it the same way in both."
        )
        raise JudgeError(msg)
    if set(names).isdisjoint(others):
        are_numbers = [all(is_number(name) for name in part) for part in (names, others)]
        if are_numbers[0] != are_numbers[1]:
            kinds = ("numbers", "words") if are_numbers[0] else ("words", "numbers")
            msg = (
                f"the classes are {kinds[0]} {what} ({short_list(names)}) and {kinds[1]} "
                f"{what_else} ({short_list(others)}); call them the same, in an NPZ with an array "
                "`class_names`."
            )
            raise JudgeError(msg)
    return names if set(others) <= set(names) else in_order({*names, *others})


def refuse_disjoint(labels: Collection[str], predictions: Collection[str]) -> None:
    """Refuse classes of labels and predictions that do not meet; numbers may, names may not.

    JudgeError if they are written otherwise, have no name in common, or one side alone has “none”.
    """
    what, what_else = "of the labels", "of the predictions"
    union_of(what, in_order(labels), what_else, in_order(predictions))
    none = {name for name in {*labels} ^ {*predictions} if name.casefold() == "none"}
    is_apart = {*labels}.isdisjoint(predictions) and min(len(labels), len(predictions)) > 1
    if none:
        where = "labels" if none & {*labels} else "predictions"
        msg = (
            f"{short(min(none))!r} stands only among the {where}, as for a missing value; give "
            "every image a class."
        )
        raise JudgeError(msg)
    if is_apart and not all(map(is_number, (*labels, *predictions))):
        msg = (
            f"no class {what} ({short_list(in_order(labels))}) is one {what_else} "
            f"({short_list(in_order(predictions))}); call them the same."
        )
        raise JudgeError(msg)


def _writing(name: str) -> str:
    """Return a name without what people write differently: capitals, blanks, leading zeros."""
    plain = re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", name)).casefold().strip()
    return re.sub(r"(?<![0-9.])0+(?=[0-9])", "", plain)


def codes_of(values: npt.NDArray[Any], names: tuple[str, ...]) -> AnyIntArray:
    """Return class numbers or names as positions in `names`; JudgeError if one is not there."""
    if values.dtype.kind in "iu" and names == tuple(str(k) for k in range(len(names))):
        return values
    distinct, codes = np.unique(values, return_inverse=True)
    place = {name: code for code, name in enumerate(names)}
    unknown = [str(name) for name in distinct.tolist() if str(name) not in place]
    if unknown:
        msg = (
            f"the class names lack {short_list(unknown)}; they are {short_list(names)}: name all "
            "classes."
        )
        raise JudgeError(msg)
    table = np.array([place[str(name)] for name in distinct.tolist()])
    coded: AnyIntArray = table[codes.reshape(values.shape)]
    return coded


def cell_of(cell: NamedCell, class_names: tuple[str, ...]) -> Cell:
    """Return a cell as the codes of two classes; a name may itself hold a colon.

    Parameters
    ----------
    cell : str or pair
        ``"TRUE:PREDICTED"`` in class names, or a pair of class names or numbers. A number that is
        no class name is a position among them.
    class_names : tuple of str
        All classes.

    Raises
    ------
    JudgeError
        If it names no two different classes.
    """
    place = {name: code for code, name in enumerate(class_names)}
    pair = _split(cell, place.keys()) if isinstance(cell, str) else tuple(cell)
    if len(pair) != 2:
        msg = f"cell {cell!r} does not name two classes; give for example (4, 9)."
        raise JudgeError(msg)
    text = repr(cell if isinstance(cell, str) else ":".join(str(name) for name in cell))
    codes = []
    for name in pair:
        code = place.get(str(name))
        if code is None and not isinstance(name, str) and name in range(len(class_names)):
            code = int(name)
        if code is None:
            msg = (
                f"cell {text}: there is no class {str(name)!r}; the classes are "
                f"{short_list(class_names)}: choose among them."
            )
            raise JudgeError(msg)
        codes.append(code)
    if codes[0] == codes[1]:
        msg = f"cell {text} names one class twice; a confusion has two classes, as in 4:9."
        raise JudgeError(msg)
    return codes[0], codes[1]


def _split(cell: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the two names in a text with one colon or more between or in them."""
    parts = cell.split(":")
    ways = [(":".join(parts[:k]), ":".join(parts[k:])) for k in range(1, len(parts))]
    good = [way for way in ways if {*way} <= {*known}] or ways[:1]
    if not good:
        msg = f"cell {cell!r} is not of the form TRUE:PREDICTED; write it as in 4:9."
        raise JudgeError(msg)
    if len(good) > 1:
        msg = (
            f"cell {cell!r} can be read as {good[0][0]}→{good[0][1]} and as "
            f"{good[1][0]}→{good[1][1]}; rename a class, or give a pair in Python."
        )
        raise JudgeError(msg)
    stripped = tuple(name.strip() for name in good[0])
    return good[0] if {*good[0]} <= {*known} and not {*stripped} <= {*known} else stripped


def short_list(names: Collection[Any]) -> str:
    """Return names for a message, the first ones if there are many."""
    first = ", ".join(short(name) for name in list(names)[:_MOST])
    return first + (f", … ({len(names):,} in all)" if len(names) > _MOST else "")


def seeds_in_words(seeds: Sequence[str] | None, n_seeds: int) -> str:
    """Return the seeds of a side for a message."""
    if seeds is None:
        return wording.count(n_seeds, "unnamed seed")
    return f"seed{'s' * (n_seeds > 1)} {short_list(seeds)}"


def short(name: Any) -> str:
    """Return a name for a message: on one line, and not too long."""
    return wording.shortened(wording.visible(str(name)).replace("\n", " "), _LONGEST)


def shape_of(array: npt.NDArray[Any]) -> str:
    """Return the shape of an array for a message."""
    return f"[{','.join(str(size) for size in array.shape)}]"
