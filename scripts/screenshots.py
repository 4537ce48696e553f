"""Pictures of the page for the README, from the app while it is served.

make app
python -m scripts.screenshots docs/images
"""

import shutil
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer
from playwright.sync_api import Browser, sync_playwright

Scheme = Literal["light", "dark"]
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
        for scheme in get_args(Scheme):
            picture(browser, address, scheme, out / f"replay-{scheme}.png")
        browser.close()


def picture(browser: Browser, address: str, scheme: Scheme, path: Path) -> None:
    """The viewer alone, at `STEP`."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
    page.goto(f"{address}?__theme={scheme}")
    page.wait_for_selector(".dv-panel-timeline .main-svg")
    page.locator(".depcap-viewer input[type=range]").first.fill(str(STEP))
    page.wait_for_timeout(1_000)  # charts are drawn when the slider rests
    page.locator(".depcap-viewer").screenshot(path=path)
    print(path)


if __name__ == "__main__":
    typer.run(main)
