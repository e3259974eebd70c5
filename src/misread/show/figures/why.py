"""The figures of `misread explain`: maps of the margin, and readings as a loop opens or closes."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from misread.explain.maps import Floats
from misread.images import Images
from misread.show import draw, style
from misread.study.arms import BASELINE
from misread.study.explain import Why
from misread.wording import count, number, percent

_TILE = 1.25


@style.styled
def maps(why: Why, maps_of: Mapping[str, Floats], images: Images, names: tuple[str, ...]) -> Figure:
    """Draw each image, the mean map of each arm over seeds, and the spread of the baseline's.

    Data: `maps_of` has `[S,N,H,W]` of each arm. Blue speaks for the true class, red for the other.
    """
    arms = list(maps_of)
    means = {arm: values.mean(axis=0) for arm, values in maps_of.items()}
    largest = max(float(np.abs(mean).max()) for mean in means.values()) or 1.0
    true, predicted = (names[k] for k in why.cell)
    changed = [
        arm for arm in arms[1:] if (p := why.arms[arm].p_images) is not None and min(p) <= 0.05
    ]
    tells = any(why.arms[arm].p_images is not None for arm in arms[1:])
    title = f"What speaks for {true} against {predicted}"
    if changed:
        title += f": {', '.join(changed)} looks elsewhere than the baseline"
    elif len(arms) > 1:
        few = f": {count(len(why.seeds), 'seed')} cannot tell whether an arm changes it"
        title += ": no arm looks elsewhere, beyond noise" if tells else few
    heads = ["image", *arms, "spread"]
    sheet = style.Sheet(
        max(0.9 + len(heads) * (_TILE + 0.12) + 0.3, 9.0),
        0.55 + len(images) * (_TILE + 0.12) + 0.2,
        title,
        f"{why.method.value}, mean over {count(len(why.seeds), 'seed')}; blue speaks for {true}, "
        f"red for {predicted}. Spread: standard deviation of the baseline's maps between seeds.",
        why.exploratory,
    )
    for column, head in enumerate(heads):
        left = 0.9 + column * (_TILE + 0.12)
        sheet.text(left + _TILE / 2, 0.1, head, size=11, bold=True, ha="center")
        for row, image in enumerate(images):
            down = 0.45 + row * (_TILE + 0.12)
            if column == 0:
                sheet.image(left, down, _TILE, image)
                sheet.text(0.4, down + _TILE / 2, str(why.ids[row]), size=9.5, colour=style.MUTED)
                continue
            axes = sheet.axes(left, down, _TILE, _TILE)
            style.bare(axes)
            if head == "spread":
                spread = maps_of[BASELINE].std(axis=0)[row]
                axes.imshow(spread, cmap="Greys", vmin=0, vmax=largest)
                continue
            axes.imshow(-means[head][row], cmap=style.CHANGE_MAP, vmin=-largest, vmax=largest)
    return sheet.figure


@style.styled
def degrees(why: Why, names: tuple[str, ...]) -> Figure:
    """Draw how often each arm reads an edited image as the other class, by degree.

    Data: `degrees` of each arm: share and interval over seeds and images.
    """
    first = why.arms[BASELINE].degrees
    sheet = style.Sheet(
        11.5,
        5.6,
        _finding(why, names),
        "Share read as the other class as the edit goes on, with intervals over seeds and images; "
        "thickness is kept, nothing else is changed.",
        why.exploratory,
    )
    marks = draw.arm_marks(list(why.arms))
    for panel, edit in enumerate(first):
        axes = sheet.axes(0.9 + panel * 5.5, 0.7, 4.4, 3.6)
        other = names[next(k for k in why.cell if k != edit.label)]
        axes.set_title(f"{names[edit.label]}, {edit.edit} ({edit.n_images} images)", loc="left")
        for place, (arm, mark) in enumerate(zip(why.arms, marks, strict=True)):
            it = why.arms[arm].degrees[panel]
            at = np.array(it.degrees) + 0.012 * (place - len(why.arms) / 2)
            mean = np.array([value.estimate for value in it.as_other])
            low = np.array([max(value.low, 0) for value in it.as_other])
            high = np.array([min(value.high, 1) for value in it.as_other])
            axes.plot(at, mean, color=mark.colour, marker=mark.marker, markersize=6)
            axes.vlines(at, low, high, color=mark.colour, linewidth=1.4)
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        axes.set_xlabel("degree of the edit")
        axes.set_ylabel(f"read as {other}")
        axes.grid(visible=True)
    draw.key(sheet, 0.9, 5.15, marks)
    return sheet.figure


def _finding(why: Why, names: tuple[str, ...]) -> str:
    parts = []
    for edit in why.arms[BASELINE].degrees:
        other = names[next(k for k in why.cell if k != edit.label)]
        before, after = edit.as_other[0].estimate, edit.as_other[-1].estimate
        parts.append(
            f"{edit.edit}, {percent(after)} of {names[edit.label]} are read as {other} instead of "
            f"{percent(before)}"
        )
    return f"With the {'; with the '.join(parts)}" if parts else "No image could be edited"


def sentences(why: Why, names: tuple[str, ...]) -> list[str]:
    """Return what was found, one sentence each, the answer first."""
    lines = [f"{_finding(why, names)} (baseline)."]
    for arm, it in why.arms.items():
        for edit in it.degrees:
            if (less := edit.loss_less) is None:
                continue
            sure = less.low > 0 or less.high < 0
            word = "less" if less.estimate > 0 else "more"
            loss, by, low, high = (
                number(value, decimals=1)
                for value in (edit.loss.estimate, abs(less.estimate), less.low, less.high)
            )
            finding = f"relies {word} on it" if sure else "no difference can be told"
            lines.append(
                f"{arm}, {edit.edit}: the margin falls by {loss}, {by} {word} than the baseline's "
                f"(95% interval {low} to {high}): {finding}."
            )
        if arm == BASELINE:
            continue
        if it.p_images is None:
            lines.append(
                f"{arm}: whether its maps changed cannot be told from "
                f"{count(len(why.seeds), 'seed')} of both arms; six are needed."
            )
        else:
            n_changed = sum(p <= 0.05 for p in it.p_images)
            lines.append(
                f"{arm}: the maps of {n_changed} of {len(it.p_images)} images changed by more than "
                "exchanging the arms within seeds gives."
            )
    if why.sanity is not None:
        word = "destroys them, as it must" if why.is_sane else "does not destroy them: trust none"
        lines.append(f"Shuffling the weights {word} (likeness {number(why.sanity, decimals=2)}).")
    return lines
