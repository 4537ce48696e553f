"""Pictures of the page for the README, from the app while it is served.

make app
python -m scripts.screenshots docs/images
"""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, sync_playwright

SCHEMES = ("light", "dark")
WIDTH, HEIGHT = 1280, 860
STEP = 6
"""Of the example that the page opens with: blocks behind it, masks before it, conflicts in it."""


def main(
    out: Annotated[Path, typer.Argument(help="folder of the pictures")],
    address: Annotated[str, typer.Option(help="where the app is served")] = "http://127.0.0.1:7860/",
) -> None:
    """The replay at one step, in light and dark."""
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in SCHEMES:
            picture(browser, f"{address}?__theme={scheme}", out / f"replay-{scheme}.png")
        browser.close()


def picture(browser: Browser, address: str, path: Path) -> None:
    """The viewer alone, at `STEP`."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=_scheme(address))
    page.goto(address)
    page.wait_for_selector(".dv-panel-timeline .main-svg")
    page.locator(".depcap-viewer input[type=range]").first.fill(str(STEP))
    page.wait_for_timeout(1_000)  # charts are drawn when the slider rests
    page.locator(".depcap-viewer").screenshot(path=path)
    print(path)


def _scheme(address: str) -> str:
    return address.rsplit("=", 1)[1]


if __name__ == "__main__":
    typer.run(main)
