"""What axe-core finds on a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def barriers(page: Page) -> list[str]:
    """Return what axe-core calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{it['id']}: {node['html'][:160]}"
        for it in found
        if it["impact"] in ("serious", "critical")
        for node in it["nodes"]
    ]
