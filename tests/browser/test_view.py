"""A live page in a real browser: drawing, photos, flags."""

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from axe import barriers
from live import served
from misread.data.mnist import load_mnist
from misread.learn.recipe import TrainerCall
from misread.study.photos import Readers
from misread.view.models import Models
from misread.view.site import site_of
from standin import nearest_mean

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def live(study_folder):
    """Return the address of a live page, whose two arms read by the stand-in, and its flags."""
    folder = study_folder
    train = load_mnist()[0].take(np.arange(2000))
    arms, loaded = {}, {}
    for shift, arm in enumerate(("baseline", "both")):
        arms[arm] = Readers(folder, arm, SEEDS, train.class_names, TrainerCall(), "")
        loaded[arm] = [nearest_mean(train, seed + 10 * shift) for seed in SEEDS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("misread.view.site.models_in", lambda _: Models(folder, arms, loaded))
        site = site_of(str(folder))
    with served(site) as asked:
        yield f"http://127.0.0.1:{asked.port}/", site.flags.path


def strokes(page: Page, *lines: list[tuple[int, int]]) -> None:
    canvas = page.locator("#live-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for line in lines:
        (x, y), *others = [(box["x"] + x, box["y"] + y) for x, y in line]
        page.mouse.move(x, y)
        page.mouse.down()
        for x, y in others:
            page.mouse.move(x, y, steps=3)
        page.mouse.up()


def rows(page: Page) -> list[list[str]]:
    table = page.locator("#live-digits table").first
    expect(table).to_be_visible()
    return [row.split() for row in table.locator("tbody tr").all_inner_texts()]


def test_what_is_drawn_is_read_by_every_seed_of_two_arms(opened, live):
    with opened(live[0]) as page:
        strokes(page, [(140, 40), (135, 240)])
        read = rows(page)
        assert [row[0] for row in read] == ["baseline", "both"]
        assert all(row[1::2] == ["1", "1", "1"] for row in read), "a stroke is a one"
        page.select_option("#live-first", "both")
        expect(page.locator("#live-digits tbody tr")).to_have_count(1)
        page.locator("#live-clear").click()
        expect(page.locator("#live-digits")).to_be_empty()


def test_a_finger_draws_too(opened, live):
    with opened(live[0], width=390, scheme="dark", has_touch=True) as page:
        canvas = page.locator("#live-canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        touch = page.context.new_cdp_session(page)
        for kind, down in (("touchStart", 40), ("touchMove", 140), ("touchMove", 240)):
            points = [{"x": box["x"] + 140, "y": box["y"] + down}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert rows(page)[0][1] == "1"
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert not barriers(page)


def test_digits_on_a_photo_are_found_and_read(opened, live):
    paper = np.full((400, 600), 235, np.uint8)
    for n in range(3):
        cv2.line(paper, (120 + 170 * n, 120), (115 + 170 * n, 280), 30, 14)
    photo = cv2.imencode(".png", paper)[1].tobytes()
    with opened(live[0]) as page:
        file = {"name": "photo.png", "mimeType": "image/png", "buffer": photo}
        page.set_input_files("#live-photo", file)
        expect(page.locator("#live-status")).to_have_text("3 digits:")
        assert rows(page)[0][1] == "1"
        page.evaluate(
            """bytes => {
              const data = new DataTransfer(), place = document.getElementById("live-place");
              data.items.add(new File([new Uint8Array(bytes)], "p.png", { type: "image/png" }));
              document.getElementById("live-clear").click();
              place.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
            }""",
            list(photo),
        )
        expect(page.locator("#live-digits .digit")).to_have_count(3)


def test_flags_stand_in_the_file_and_in_every_browser(opened, live):
    address, path = live
    with opened(address) as one, opened(address) as other:
        one.locator("button[data-image]").first.click()
        name = one.locator("button[data-image]").first.get_attribute("data-image")
        wrong = one.locator(".flags button[value=wrong]")
        wrong.click()
        expect(wrong).to_have_attribute("aria-pressed", "true")
        assert path.read_text() == f"id,answer\n{name},wrong\n"
        other.evaluate("dispatchEvent(new Event('focus'))")
        expect(other.locator("#live-flags")).to_contain_text("1 label is answered")
        expect(other.locator("button[data-image]").first).to_have_attribute("data-answer", "wrong")
        assert not barriers(one)
        wrong.click()
        expect(wrong).to_have_attribute("aria-pressed", "false")
        assert path.read_text() == "id,answer\n"
