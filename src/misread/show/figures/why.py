"""The figures of `misread explain`: maps of the margin, and readings as an edit goes on."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from misread.explain.loop import EDITS, LARGEST_PX
from misread.explain.maps import Floats
from misread.explain.noise import map_change, relative
from misread.images import Images
from misread.show import draw, style
from misread.study.arms import BASELINE
from misread.study.why import Degrees, Grown, Why
from misread.wording import count, listed, number, percent, points, treated

_TILE = 1.25
_ACROSS = 5.5
_DOWN = 4.75


@style.styled
def maps(why: Why, maps_of: Mapping[str, Floats], images: Images, names: tuple[str, ...]) -> Figure:
    """Draw each image, the mean map of each arm over seeds, and the spread of the baseline's.

    Data: `maps_of` has `[S,N,H,W]` of each arm, drawn over the mean size of each model's. Blue
    speaks for the true class, orange for the other; an outline holds the pixels that changed by
    more than noise.
    """
    arms, shares = list(maps_of), {arm: relative(values) for arm, values in maps_of.items()}
    means = {arm: values.mean(axis=0) for arm, values in shares.items()}
    largest = max(float(np.abs(mean).max()) for mean in means.values()) or 1.0
    true, predicted = (names[k] for k in why.cell)
    p_images = {arm: why.arms[arm].p_images for arm in arms[1:]}
    changed = [arm for arm, p in p_images.items() if p is not None and min(p) <= 0.05]
    tells = any(p is not None for p in p_images.values())
    title = f"What speaks for {true} against {predicted}"
    if changed:
        looks = "looks" if len(changed) == 1 else "look"
        title += f": {listed(changed)} {looks} elsewhere than the baseline"
    elif len(arms) > 1:
        few = f": {count(len(why.seeds), 'seed')} cannot tell whether an arm changes it"
        title += ": no arm looks elsewhere, beyond noise" if tells else few
    heads = ["image", *arms, "spread"]
    sheet = style.Sheet(
        max(0.9 + len(heads) * (_TILE + 0.12) + 0.3, 9.0),
        0.55 + len(images) * (_TILE + 0.12) + 0.2,
        title,
        f"{why.method.value}, mean over {count(len(why.seeds), 'seed')}; blue speaks for {true}, "
        f"orange for {predicted}, as a share of each model's mean. Outlined: changed by more than "
        "noise. Spread: standard deviation of the baseline's maps between seeds.",
        why.exploratory,
    )
    for column, head in enumerate(heads):
        left = 0.9 + column * (_TILE + 0.12)
        sheet.text(left + _TILE / 2, 0.1, head, size=11, bold=True, ha="center")
        held_NHW = None
        if head in arms[1:]:
            held_NHW = map_change(shares[BASELINE], shares[head]).holds_NHW
        for row, image in enumerate(images):
            down = 0.45 + row * (_TILE + 0.12)
            if column == 0:
                sheet.image(left, down, _TILE, image)
                sheet.text(0.4, down + _TILE / 2, str(why.ids[row]), size=9.5, colour=style.MUTED)
                continue
            axes = sheet.axes(left, down, _TILE, _TILE)
            axes.set_axis_off()
            if head == "spread":
                spread = shares[BASELINE].std(axis=0)[row]
                axes.imshow(spread, cmap="Greys", vmin=0, vmax=largest)
                continue
            axes.imshow(-means[head][row], cmap=style.CHANGE_MAP, vmin=-largest, vmax=largest)
            if held_NHW is not None and held_NHW[row].any():
                axes.contour(held_NHW[row], levels=[0.5], colors=[style.INK], linewidths=0.9)
    return sheet.figure


@style.styled
def degrees(why: Why, names: tuple[str, ...]) -> Figure:
    """Draw how often each arm reads an edited image as the other class, by degree."""
    first = why.arms[BASELINE].degrees
    rows = (len(first) + 1) // 2
    sheet = style.Sheet(
        0.5 + _ACROSS * min(len(first), 2),
        0.15 + _DOWN * rows + 0.4,
        _finding(why, names),
        "Share read as the other class as the edit goes on, with intervals over seeds and images; "
        "of loops nothing else is changed, lines have the digit's thickness.",
        why.exploratory,
    )
    marks = draw.arm_marks(list(why.arms))
    for panel, edit in enumerate(first):
        across, down = 0.9 + panel % 2 * _ACROSS, 0.4 + panel // 2 * _DOWN
        axes = sheet.axes(across, down, 4.4, 3.6)
        axes.set_title(f"{names[edit.label]}, {edit.edit} ({edit.n_images} images)", loc="left")
        for place, (arm, mark) in enumerate(zip(why.arms, marks, strict=True)):
            it = why.arms[arm].degrees[panel]
            at = np.array(it.degrees) + 0.012 * (place - len(why.arms) / 2)
            mean, low, high = np.array([(x.estimate, x.low, x.high) for x in it.as_other]).T
            axes.plot(at, mean, color=mark.colour, marker=mark.marker, markersize=6)
            axes.vlines(at, low.clip(0), high.clip(max=1), color=mark.colour, linewidth=1.4)
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        axes.set_xlabel(_scale(edit.edit))
        axes.set_ylabel(f"read as {_other(why, edit.label, names)}")
        axes.grid(visible=True)
    draw.key(sheet, 0.9, 0.05 + _DOWN * rows, marks)
    return sheet.figure


def _scale(edit: str) -> str:
    return "degree of the edit" if edit in EDITS else f"size, from 1 px to {LARGEST_PX} px"


def _other(why: Why, label: int, names: tuple[str, ...]) -> str:
    return names[next(k for k in why.cell if k != label)]


def _edit_in_words(edit: str) -> str:
    return f"with the {edit}" if edit in EDITS else treated(f"{edit} {LARGEST_PX} px")


def _finding(why: Why, names: tuple[str, ...]) -> str:
    parts = []
    for edit in why.arms[BASELINE].degrees:
        before, after = edit.as_other[0].estimate, edit.as_other[-1].estimate
        parts.append(
            f"{_edit_in_words(edit.edit)}, {percent(after)} of {names[edit.label]} are read as "
            f"{_other(why, edit.label, names)} instead of {percent(before)}"
        )
    sentence = "; ".join(parts) or "no image could be edited"
    return sentence[0].upper() + sentence[1:]


def sentences(why: Why, names: tuple[str, ...]) -> list[str]:
    """Return the findings, one sentence each, the answer first."""
    lines = [f"{_finding(why, names)} (baseline)."]
    for arm, result in why.arms.items():
        lines += [_fall(arm, e, names) for e in result.degrees if e.fall_less is not None]
        lines += [_grown(arm, grown, why, names) for grown in result.grown]
        if arm == BASELINE:
            continue
        if result.p_images is None:
            lines.append(
                f"{arm}: whether its maps changed cannot be told from "
                f"{count(len(why.seeds), 'seed')} of both arms; six are needed."
            )
        else:
            n_changed = sum(p <= 0.05 for p in result.p_images)
            lines.append(
                f"{arm}: the maps of {n_changed} of {len(result.p_images)} images changed by more "
                "than exchanging the arms within seeds gives."
            )
    if why.sanity is not None:
        word = "destroys them, as it must" if why.is_sane else "does not destroy them: trust none"
        lines.append(f"Shuffling the weights {word} (likeness {number(why.sanity, decimals=2)}).")
    return lines


def _fall(arm: str, edit: Degrees, names: tuple[str, ...]) -> str:
    """Return how much of an arm's margin an edit takes, beside the baseline."""
    less = edit.fall_less
    if less is None:
        return ""
    word = "less" if less.estimate > 0 else "more"
    finding = "no difference can be told"
    if less.low > 0 or less.high < 0:
        finding = f"it relies {word} on it than the baseline"
    low, high = (number(100 * value, decimals=0) for value in (less.low, less.high))
    share = number(100 * edit.fall.estimate, decimals=0)
    return (
        f"{arm}, {names[edit.label]}, {edit.edit}: takes {share}% of the margin, "
        f"{_points(less.estimate)} {word} than of the baseline's "
        f"(95% interval of less: {low} to {high}): {finding}."
    )


def _grown(arm: str, grown: Grown, why: Why, names: tuple[str, ...]) -> str:
    """Return how much of a harm lies where an operation left the loops as they were."""
    part = grown.growth_unchanged
    low, high = (points(value) for value in (part.low, part.high))
    return (
        f"{arm}: {points(grown.growth.estimate)} more of {names[grown.label]} "
        f"{treated(f'{grown.operation} {grown.size_px} px')} are read as "
        f"{_other(why, grown.label, names)}, {points(part.estimate)} of that ({low} to {high}) on "
        f"the {percent(grown.unchanged)} whose loops that leaves as they are."
    )


def _points(share: float) -> str:
    size = number(100 * abs(share), decimals=0)
    return f"{size} {'point' if size == '1' else 'points'}"
