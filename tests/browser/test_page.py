"""The app as a visitor meets it, in a real browser, with the bundled model."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.presets import SUITED

PROBLEM = "Tom has 12 pens. Tom buys 3 packs of 4 pens. How many pens does Tom have now?"
HOSTILE = "<img src=x onerror=alert(1)> ${1+1} {{x}} </script> `${alert(1)}`"
DECODED = 90_000


@pytest.fixture
def visit(page: Page, address: str, complaints: list[str]) -> Callable[[], Page]:
    """Opens the page and waits until a recorded trace is on screen."""

    def opened() -> Page:
        page.goto(address)
        page.wait_for_selector(".depcap-viewer .dv-content:not([hidden])")
        page.evaluate("addEventListener('depcap:ready', () => { window.decoded = true }, true)")
        return page

    return opened


def decode(page: Page, prompt: str) -> None:
    """Types a problem and waits until its finished trace is in the viewer."""
    page.locator("#prompt textarea").fill(prompt)
    page.evaluate("window.decoded = false")
    page.locator("#decode").click()
    page.wait_for_function("window.decoded", timeout=DECODED)


def on_screen(page: Page) -> dict[str, Any]:
    """The payload that the viewer has just fetched."""
    return page.evaluate(
        """async () => {
            const names = performance.getEntriesByType('resource').map((entry) => entry.name);
            const traces = names.filter((name) => name.endsWith('.json') && name.includes('file='));
            return (await fetch(traces.at(-1))).json();
        }"""
    )


def command_line(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "depcap", "decode", "--json", *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_opens_with_a_recorded_trace_and_no_complaints(
    visit: Callable[[], Page], complaints: list[str]
) -> None:
    page = visit()
    page.wait_for_selector(".dv-panel-timeline .main-svg")
    expect(page.locator("#decode")).to_be_visible()
    assert complaints == []


def test_a_decode_gives_what_the_command_line_gives(visit: Callable[[], Page], complaints: list[str]) -> None:
    page = visit()
    decode(page, PROBLEM)
    shown = on_screen(page)["header"]
    suited = [f"--set={name}={value}" for name, value in SUITED["depcap"].items()]
    expected = command_line("--prompt", PROBLEM, "--gen-length", str(shown["gen_length"]), *suited)
    assert shown["text"] == expected["text"]
    assert shown["nfe"] == expected["nfe"]
    expect(page.locator("#download")).to_be_visible()
    assert complaints == []


def test_scrubbing_shows_the_canvas_of_the_trace(visit: Callable[[], Page]) -> None:
    page = visit()
    document = on_screen(page)
    steps = document["steps"]
    slider = page.locator(".depcap-viewer input[type=range]").first
    for move in range(20):
        step = (move * 7) % (len(steps) + 1)
        slider.fill(str(step))
        page.wait_for_timeout(60)
        unmasked = {
            p for record in steps[:step] for p, r in _reasons(record) if document["reasons"][r]["committed"]
        }
        decided = page.evaluate(
            "[...document.querySelectorAll('.depcap-viewer [data-state]')]"
            ".filter((cell) => ['now', 'earlier'].includes(cell.dataset.state))"
            ".map((cell) => +cell.dataset.position)"
        )
        assert set(decided) == unmasked


def _reasons(record: dict[str, Any]) -> list[tuple[int, str]]:
    return list(zip(record["positions"], record["reason"], strict=True))


def test_hostile_text_is_shown_and_runs_nothing(visit: Callable[[], Page], complaints: list[str]) -> None:
    page = visit()
    decode(page, HOSTILE)
    assert "onerror=alert(1)" in page.locator(".depcap-viewer").inner_text().replace("·", " ")
    assert page.locator(".depcap-viewer img, .depcap-viewer script").count() == 0
    assert complaints == []


def test_bad_input_is_a_message_and_the_replay_stays(
    visit: Callable[[], Page], complaints: list[str]
) -> None:
    page = visit()
    page.locator("#prompt textarea").fill("   ")
    page.locator("#decode").click()
    expect(page.get_by_text("the prompt is empty")).to_be_visible()
    expect(page.locator("#decode")).to_be_visible()
    expect(page.locator(".depcap-viewer .dv-content")).to_be_visible()
    assert complaints == []


def test_a_decode_can_be_stopped_and_another_started(
    visit: Callable[[], Page], complaints: list[str]
) -> None:
    page = visit()
    page.locator("#method input").click()
    page.get_by_role("option", name="dream").click()  # a forward for each position: long enough to be stopped
    page.locator("#length input[type=number]").fill("256")
    page.locator("#decode").click()
    page.wait_for_function(  # as soon as the button can be used: a decode may take less than a second
        "() => { const stop = document.querySelector('#stop'); stop.click(); return !stop.disabled; }"
    )
    expect(page.locator("#decode")).to_be_enabled()
    expect(page.locator("#stop")).to_be_disabled()
    # a browser that gets no time may be too late; the viewer does not wait for more either way
    expect(page.locator(".dv-summary")).to_contain_text(re.compile(r"stopped|256 of 256"))
    page.locator("#length input[type=number]").fill("32")
    decode(page, PROBLEM)
    assert complaints == []


def test_fits_a_phone(visit: Callable[[], Page], page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    visit()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
