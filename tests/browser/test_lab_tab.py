"""The additivity tab as a visitor meets it."""

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.lab import TASKS, shipped
from app.presets import MODELS

DECODED = 90_000
PAUSE = 500
"""Chromium stops a page that saves more than ten files in a rush, as no visitor would."""


@pytest.fixture
def opened(page: Page, address: str) -> Page:
    """The tab with its recorded results drawn."""
    page.goto(address)
    page.get_by_role("tab", name="Additivity").click()
    page.wait_for_selector(".dv-lab .dv-panel-lab .main-svg")
    return page


def test_the_verdict_and_its_figures_are_there(opened: Page, complaints: list[str]) -> None:
    expect(opened.locator(".dv-verdict")).to_contain_text("blocks of")
    assert opened.locator(".dv-lab .js-plotly-plot").count() >= 4
    assert complaints == []


def test_sizes_and_orders_are_views_of_their_own(opened: Page) -> None:
    sizes = opened.locator(".dv-pick select").first
    seen = set()
    for size in sizes.locator("option").all_text_contents():
        sizes.select_option(size)
        seen.add(opened.locator(".dv-verdict").text_content())
    assert len(seen) > 1


def test_an_interval_stands_beside_what_it_is_of(opened: Page) -> None:
    shown = opened.locator(".dv-panel-lab").filter(has_text="By size and order").locator("table")
    heads = shown.locator("th").all_text_contents()
    assert "sum J / sum A" in heads
    assert not [name for name in heads if name.endswith(("low", "high"))]
    cell = shown.locator("tbody tr").first.locator("td").nth(heads.index("sum J / sum A"))
    expect(cell).to_have_text(re.compile(r"^0\.\d+ \(0\.\d+ to 0\.\d+\)$"))


def test_every_number_can_be_taken_home(opened: Page, tmp_path: Path) -> None:
    """Of every panel: its table as CSV, and what is drawn as SVG."""
    made = json.loads(shipped(MODELS[0], TASKS[0]).read_text())
    expected = [*made["views"][0]["panels"], *made["shared"]]
    panels = opened.locator(".dv-panel-lab")
    expect(panels).to_have_count(len(expected))
    for place, wanted in enumerate(expected):
        panel = panels.nth(place)
        opened.wait_for_timeout(PAUSE)
        with opened.expect_download() as numbers:
            panel.get_by_role("button", name="CSV").click()
        numbers.value.save_as(tmp_path / "numbers.csv")
        with (tmp_path / "numbers.csv").open(newline="", encoding="utf-8") as file:
            columns, *lines = csv.reader(file)
        assert columns == wanted["columns"], wanted["title"]
        assert len(lines) == len(wanted["rows"]), wanted["title"]
        if wanted["figure"]:
            with opened.expect_download() as svg:
                panel.get_by_role("button", name="SVG").click()
            svg.value.save_as(tmp_path / "figure.svg")
            assert (tmp_path / "figure.svg").read_text(encoding="utf-8").startswith("<svg")
    panels.first.get_by_role("button", name="table").click()
    expect(panels.first.locator("table")).to_be_visible()


def test_a_clicked_point_is_replayed_where_its_block_opens(opened: Page) -> None:
    opened.evaluate(
        """() => {
            const plot = document.querySelector(".dv-panel-lab .js-plotly-plot");
            const trace = plot.data.find((one) => one.customdata);
            addEventListener("depcap:ready", () => { window.decoded = true }, true);
            plot.emit("plotly_click", { points: [{ customdata: trace.customdata[0] }] });
        }"""
    )
    opened.wait_for_function("window.decoded", timeout=DECODED)
    expect(opened.get_by_role("tab", name="Decode")).to_have_attribute("aria-selected", "true")
    slider = opened.locator("#viewer input[type=range]").first
    assert 1 < int(slider.input_value()) < int(slider.get_attribute("max") or 0)


def test_a_point_can_be_replayed_without_a_mouse(opened: Page) -> None:
    panel = opened.locator(".dv-panel-lab").first
    panel.get_by_role("button", name="table").click()
    opened.evaluate("addEventListener('depcap:ready', () => { window.decoded = true }, true)")
    button = panel.locator("table .dv-link").first
    button.focus()
    opened.keyboard.press("Enter")
    opened.wait_for_function("window.decoded", timeout=DECODED)
    expect(opened.get_by_role("tab", name="Decode")).to_have_attribute("aria-selected", "true")


def test_what_is_no_trace_gets_one_line(opened: Page, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.parquet"
    wrong.write_bytes(b"not a trace")
    with opened.expect_file_chooser() as chooser:
        opened.locator("#lab-file").click()
    chooser.value.set_files(wrong)
    expect(opened.get_by_text("no Parquet file")).to_be_visible()
