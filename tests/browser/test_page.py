"""Pages in a real browser: every click, at all sizes, light and dark, by keyboard, no error."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from axe import barriers

SIZES = (1280, 768, 390)


def shown(page: Page) -> dict[str, str]:
    """Return what the address says is shown."""
    pairs = page.evaluate("[...new URLSearchParams(location.hash.slice(1))]")
    return dict(pairs)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["study_page", "judged_page"])
def test_nothing_bars_the_way_at_any_size(opened, request, kind, scheme):
    with opened(request.getfixturevalue(kind), scheme=scheme) as page:
        page.locator("button[data-image]").first.click()
        for width in SIZES:
            page.set_viewport_size({"width": width, "height": 900})
            overflow = "document.documentElement.scrollWidth - innerWidth"
            assert page.evaluate(overflow) <= 0, f"wider than {width} px"
            assert not page.evaluate(
                "[...document.querySelectorAll('#explorer button, #explorer select')].filter("
                "it => it.checkVisibility() && it.getBoundingClientRect().height < 20).length"
            ), "too small to be hit by a finger"
            if width == min(SIZES) or (scheme, width) == ("light", max(SIZES)):
                assert not barriers(page), f"at {width} px"
        page.evaluate(
            "document.getElementById('explore-arm').parentElement.replaceWith("
            "document.getElementById('explore-arm'))"
        )
        assert barriers(page), "a select without its label is one"


def test_a_cell_leads_to_its_images_and_these_to_every_seed(opened, study_page):
    with opened(study_page) as page:
        cell = page.locator("button[data-cell='4-9']")
        assert cell.get_attribute("aria-pressed") == "true", "the target is open first"
        other = page.locator("button[data-cell]:not([data-cell='4-9'])").first
        name = other.get_attribute("data-cell")
        other.click()
        assert shown(page)["cell"] == name
        n_images = page.locator("button[data-image]").count()
        expect(page.locator("#explore-status")).to_have_text(
            re.compile(rf"^{n_images} images?: {name[0]} read as {name[2]} by ")
        )
        image = page.locator("button[data-image]").first
        image.click()
        number = image.get_attribute("data-image")
        assert shown(page)["image"] == number
        one = page.locator("#explore-one")
        expect(one.locator("h3")).to_have_text(f"Image {number}: {name[0]}")
        as_it_is = one.locator("table").first
        rows = as_it_is.locator("tbody tr").all_inner_texts()
        assert [row.split()[0] for row in rows] == ["baseline", "documented", "both"]
        assert any(f"{name[2]} " in row for row in rows), "a seed that misreads it"
        assert "%" in rows[0], "and how surely"
        assert one.locator("button").first.inner_text(), "its writer"


def test_arms_seeds_order_and_filters_say_what_they_show(opened, study_page):
    with opened(study_page) as page:
        page.locator("#explore-all").click()
        every = page.locator("button[data-image]").count()
        page.select_option("#explore-arm", "both")
        assert shown(page)["arm"] == "both"
        page.select_option("#explore-against", "")
        expect(page.locator("#explore-caption")).to_have_text(re.compile("^both: images a"))
        page.locator("#explore-choose summary").click()
        boxes = page.locator("#explore-seeds input")
        if boxes.count() > 1:
            boxes.first.uncheck()
            assert shown(page)["seeds"] == boxes.nth(1).get_attribute("value")
            boxes.first.check()
            assert "seeds" not in shown(page)
        page.select_option("#explore-against", "baseline")
        page.select_option("#explore-filter", "broken")
        broken = page.locator("button[data-image]").count()
        page.select_option("#explore-filter", "mended")
        assert 0 < broken + page.locator("button[data-image]").count() <= every
        page.select_option("#explore-filter", "all")
        page.select_option("#explore-sort", "id")
        images = page.locator("button[data-image]")
        ids = [int(it.get_attribute("data-image")) for it in images.all()]
        assert ids == sorted(ids)
        page.select_option("#explore-sort", "often")
        most = page.locator("button[data-image]").first.inner_text()
        assert most, "by how many seeds it is misread"


def test_slices_and_writers_can_be_opened(opened, study_page):
    with opened(study_page) as page:
        part = page.locator("#explore-part option").nth(1).get_attribute("value")
        page.select_option("#explore-part", part)
        expect(page.locator("#explore-caption")).to_contain_text(part)
        page.select_option("#explore-part", "")
        page.locator("button[data-image]").first.click()
        writer = page.locator("#explore-one p button")
        name = writer.inner_text()
        writer.click()
        assert shown(page)["group"] == name
        ungroup = page.locator("#explore-ungroup")
        expect(ungroup).to_contain_text(name)
        ungroup.click()
        assert "group" not in shown(page)


def test_a_link_restores_a_state_and_back_goes_back(opened, study_page):
    state = "#cell=all&arm=both&sort=id"
    with opened(study_page + state) as page:
        assert page.locator("#explore-arm").input_value() == "both"
        assert page.locator("#explore-sort").input_value() == "id"
        page.locator("button[data-cell]").nth(2).click()
        page.locator("button[data-image]").first.click()
        assert "image" in shown(page)
        page.go_back()
        assert "image" not in shown(page)
        expect(page.locator("#explore-one")).to_be_empty()
        page.go_back()
        assert shown(page)["cell"] == "all"
        assert page.locator("#explore-arm").input_value() == "both"
        page.go_forward()
        assert shown(page)["cell"] != "all"
    with opened(study_page + "#cell=99-4&arm=<b>&image=nobody") as page:
        assert page.locator("#explore-arm").input_value() == "documented", "nonsense is passed over"


def test_the_keyboard_reaches_everything(opened, study_page):
    with opened(study_page) as page:
        page.locator("button[data-cell]").first.focus()
        first = page.evaluate("document.activeElement.dataset.cell")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        moved = page.evaluate("document.activeElement.dataset.cell")
        assert moved
        assert moved != first
        page.keyboard.press("Enter")
        assert shown(page).get("cell", "4-9") == moved
        assert page.evaluate("document.activeElement.dataset.cell") == moved, "focus stays"
        style = "getComputedStyle(document.activeElement)"
        assert page.evaluate(f"{style}.outlineStyle") == "solid", "focus is seen"
        page.locator("button[data-image]").first.focus()
        page.keyboard.press("Space")
        assert "image" in shown(page)


def test_many_classes_are_a_list_to_search(opened, judged_page):
    with opened(judged_page, width=390) as page:
        assert page.locator("button[data-cell='4-5']").get_attribute("aria-pressed") == "true"
        page.fill("#explore-search", "class 17")
        cells = page.locator("#explore-matrix button[data-cell]")
        assert 0 < cells.count() <= 4
        cells.first.click()
        expect(page.locator("#explore-status")).to_contain_text("class 1")
        page.locator("#explore-all").click()
        page.select_option("#explore-filter", "disputed")
        numbers = page.locator("button[data-image]")
        assert numbers.count()
        assert all(int(it.get_attribute("data-image")) % 7 == 0 for it in numbers.all())
        numbers.first.click()
        expect(page.locator("#explore-one")).to_contain_text("Its label is disputed.")


def test_without_javascript_and_in_print_nothing_is_missing(opened, study_page):
    with opened(study_page, java_script_enabled=False) as page:
        table = page.locator("#explore noscript table")
        expect(table).to_contain_text("4→9")
        expect(page.locator("#explorer")).to_be_hidden()
    with opened(study_page) as page:
        page.emulate_media(media="print")
        expect(page.locator("#explore-matrix")).to_be_visible()
        expect(page.locator("#explorer .controls").first).to_be_hidden()


def test_names_from_outside_are_text_and_run_nothing(opened, tmp_path):
    from misread.judge import Predictions, judge
    from misread.show.judged import Judged
    from misread.show.judged import judged_page as html_of

    names = ("<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "x\u202ey")
    labels_N = np.arange(90) % 3
    wrong_SN = np.tile(np.where(np.arange(90) < 30, (labels_N + 1) % 3, labels_N), (3, 1))
    sides = [
        Predictions.from_arrays(labels_N, preds, class_names=names)
        for preds in (wrong_SN, np.tile(labels_N, (3, 1)))
    ]
    judged = Judged(
        dict(zip(names, sides, strict=False)), verdicts=[judge(*sides, cells=[names[:2]])]
    )
    path = tmp_path / "names.html"
    path.write_text(html_of(judged), "utf-8")
    with opened(path.as_uri()) as page:
        page.locator("button[data-image]").first.click()
        expect(page.locator("#explore-one h3")).to_have_text(f"Image 0: {names[0]}")
        expect(page.locator("#explore-matrix tbody th").nth(1)).to_have_text(names[1])
        assert page.locator("img").count() == 0
