"""Make the page that the documentation shows, and the pictures of it.

python tools/screenshots.py; needs Chromium. `docs/demo.html` is what `misread demo` writes, and
`docs/figures/page.png` a picture of it, taken as a reader would see it. Run it after a change of
how pages look, and look at both.
"""

import shutil
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner
from playwright.sync_api import sync_playwright

from misread.cli import main as misread

PROJECT = Path(__file__).resolve().parent.parent
PAGE, PICTURE = PROJECT / "docs" / "demo.html", PROJECT / "docs" / "figures" / "page.png"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT, MARGIN = 1060, 900, 12


def write_page(path: Path) -> None:
    """Write the page of `misread demo`, which names its folder as a reader's would be."""
    with tempfile.TemporaryDirectory() as name, chdir(name):
        done = CliRunner().invoke(misread, ["demo"])
        if done.exit_code:
            raise SystemExit(done.output)
        path.write_bytes(Path("misread-demo/demo.html").read_bytes())


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
            msg = f"{page} shows no image."
            raise SystemExit(msg)
        height = end["y"] + end["height"] - top["y"] + MARGIN
        clip = {"x": 0, "y": top["y"] - MARGIN, "width": WIDTH, "height": height}
        tab.screenshot(path=picture, full_page=True, clip=clip)  # type: ignore[arg-type]
        browser.close()


def main() -> int:
    """Write the page and the picture, and return the exit code."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        print(f"There is no browser: none of {', '.join(PROGRAMS)} is on PATH.", file=sys.stderr)
        return 1
    write_page(PAGE)
    take_picture(PAGE, PICTURE, program)
    print(f"{PAGE}: written.\n{PICTURE}: written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
