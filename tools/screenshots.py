"""Take the picture of a page that the documentation shows: python tools/screenshots.py.

Needs Chromium. `docs/figures/page.png` shows `docs/demo.html`, which tools/generated.py writes, as
a reader would see it. Run it after a change of how pages look, and look at it.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
PAGE, PICTURE = PROJECT / "docs" / "demo.html", PROJECT / "docs" / "figures" / "page.png"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT, MARGIN = 1060, 900, 12


def take_picture(page: Path, picture: Path, program: str) -> None:
    """Take a picture of a page's images, with the first of them open."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        tab.goto(page.as_uri())
        tab.locator("button[data-image]").nth(1).click()
        tab.evaluate("document.activeElement.blur()")
        tab.evaluate("scrollTo(0, 0)")
        top = tab.locator("#explore-head").bounding_box()
        end = tab.locator("#explore-one .reading").first.bounding_box()
        if top is None or end is None:
            sys.exit(f"{page} shows no image.")
        height = end["y"] + end["height"] - top["y"] + MARGIN
        clip = {"x": 0, "y": top["y"] - MARGIN, "width": WIDTH, "height": height}
        tab.screenshot(path=picture, full_page=True, clip=clip)  # type: ignore[arg-type]
        browser.close()


if __name__ == "__main__":
    chromium = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if chromium is None:
        sys.exit(f"There is no browser: none of {', '.join(PROGRAMS)} is on PATH.")
    take_picture(PAGE, PICTURE, chromium)
    print(f"{PICTURE}: written.")
