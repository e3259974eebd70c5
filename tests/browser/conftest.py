"""A real browser, and two pages to open in it: a study's, and one of judged predictions."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PATIENCE_MS = 120_000  # against what hangs: a machine may be busy
expect.set_options(timeout=PATIENCE_MS)
Opened = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Return the system's Chromium; skip where there is none, fail where CI promised one."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None and os.environ.get("MISREAD_BROWSER") == "required":
        pytest.fail("there is no Chromium, and MISREAD_BROWSER=required: .ci/run installs it")
    if program is None:
        pytest.skip(f"there is no browser: none of {', '.join(PROGRAMS)} is on PATH")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def opened(browser: Browser) -> Opened:
    """Return what opens an address, and refuses what goes wrong: errors, and requests elsewhere."""

    @contextmanager
    def opening(address: str, width: int = 1280, scheme: str = "light", **look) -> Iterator[Page]:
        wrong: list[str] = []
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=scheme, **look)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda it: it.type in ("error", "warning") and wrong.append(it.text))
        page.on("pageerror", lambda it: wrong.append(str(it)))
        page.on("dialog", lambda it: (wrong.append(it.message), it.dismiss()))
        home = address.partition("#")[0]
        page.on(
            "request",
            lambda it: it.url.startswith((home, "data:", "blob:")) or wrong.append(it.url),
        )
        page.goto(address)
        yield page
        context.close()
        assert not wrong

    return opening


@pytest.fixture(scope="package")
def study_folder(rehearsal: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study that has a page, with two of its figures."""
    from live import with_page

    return with_page(
        rehearsal, tmp_path_factory.mktemp("page") / "study", ("before_after", "ledger")
    )


@pytest.fixture(scope="package")
def study_page(study_folder: Path) -> str:
    """Return the address of a study's page."""
    return (study_folder / "report.html").as_uri()


@pytest.fixture(scope="package")
def judged_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of the page of judged predictions: photos of 30 classes, some disputed."""
    from misread.judge import Predictions, judge
    from misread.show.judged import Judged
    from misread.show.judged import judged_page as html_of

    rng = np.random.default_rng(5)
    labels_N = np.arange(600) % 30
    names = tuple(f"class {k}" for k in range(30))

    def side(share: float) -> Predictions:
        wrong_SN = rng.random((5, 600)) < share
        preds_SN = np.where(wrong_SN, (labels_N + 1 + (rng.random((5, 600)) < 0.2)) % 30, labels_N)
        return Predictions.from_arrays(
            labels_N, preds_SN, class_names=names, disputed_N=np.arange(600) % 7 == 0
        )

    before, after = side(0.3), side(0.1)
    photos = rng.integers(0, 256, (600, 80, 60, 3)).astype(np.uint8)
    verdict = judge(before, after, cells=[("class 4", "class 5")])
    judged = Judged(
        {"before": before, "after": after},
        verdicts=[verdict],
        pictures=lambda _, places: photos[places],
        commands=["misread judge before.npz after.npz"],
    )
    path = tmp_path_factory.mktemp("judged") / "judged.html"
    path.write_text(html_of(judged), "utf-8")
    return path.as_uri()
