"""The viewer on a bare page: what it shows is what the payload says, whatever the payload says."""

from collections.abc import Callable
from typing import Any

import pytest
from payloads import END, HOSTILE, REASONS, payload
from playwright.sync_api import Page, expect

Open = Callable[..., Page]
Document = dict[str, Any]


def expected_states(document: Document, step: int) -> dict[int, str]:
    """State of each generated position after `step`, straight from the payload."""
    header = document["header"]
    start = header["prompt_length"]
    states = dict.fromkeys(range(start, start + header["gen_length"]), "far")
    for record in document["steps"][:step]:
        for position, code in zip(record["positions"], record["reason"], strict=True):
            if REASONS[code]["committed"]:
                states[position] = "now" if record["step"] == step else "earlier"
            elif record["step"] == step:
                states[position] = "blocked" if code.startswith("blocked") else "open"
        for position in record.get("remasked", []):
            states[position] = "open"
    return states


def with_a_change_of_mind(document: Document) -> tuple[Document, int, int]:
    """A position that step 1 unmasks, step 2 masks again, and the next step of the block unmasks for good."""
    first, second, third = document["steps"][:3]
    assert first["block"] == third["block"]
    k = next(k for k, code in enumerate(first["reason"]) if REASONS[code]["committed"])
    position, token = first["positions"][k], first["tokens"][k]
    second["remasked"] = [position]
    for name in ("positions", "tokens", "confidence", "reason", "cause", "round"):
        third[name].append(first[name][k])
    third["tokens"][-1], third["confidence"][-1] = END, first["confidence"][k] / 2
    third["top"] = []
    return document, position, token


def shown_states(page: Page) -> dict[int, str]:
    script = "cells => Object.fromEntries(cells.map(cell => [cell.dataset.position, cell.dataset.state]))"
    states = page.locator(".dv-cell").evaluate_all(script)
    return {int(position): state for position, state in states.items()}


def test_scrubbing_shows_what_the_payload_says(open_viewer: Open, complaints: list[str]) -> None:
    document = payload()
    page = open_viewer(document, charts=True)
    slider = page.locator(".dv-transport input[type=range]")
    total = len(document["steps"])
    for step in [0, *range(1, total, max(total // 18, 1)), total][:22]:
        slider.fill(str(step))
        page.wait_for_function("step => viewer.step === step && !viewer.frame", arg=step)
        assert shown_states(page) == expected_states(document, step)
    assert (slider.get_attribute("aria-valuetext") or "").startswith(f"step {total} of {total}, ")
    assert complaints == []


def test_a_token_that_is_taken_back_is_masked_until_it_is_decided_again(
    open_viewer: Open, complaints: list[str]
) -> None:
    document, position, token = with_a_change_of_mind(payload())
    page = open_viewer(document)
    cell, shown = page.locator(f"[data-position='{position}']"), document["pieces"][str(token)].strip()
    told = {}
    for step, text in ((1, shown), (2, ""), (3, "end"), (1, shown)):
        page.evaluate("step => { viewer.step = step }", step)
        page.wait_for_function("step => viewer.step === step && !viewer.frame", arg=step)
        assert cell.inner_text().replace("↵", "").strip() == text
        title = cell.get_attribute("title")
        if step == 2:
            assert (shown_states(page)[position], title) == ("open", "")
        else:
            assert shown_states(page)[position] == "now"
            told[step] = title
    assert told[1] != told[3], "each decision has its own confidence"
    assert complaints == []


def test_text_of_unmasked_tokens(open_viewer: Open) -> None:
    document = payload()
    page = open_viewer(document)
    record = document["steps"][0]
    page.evaluate("viewer.step = 1")
    for position, token, code in zip(record["positions"], record["tokens"], record["reason"], strict=True):
        text = page.locator(f"[data-position='{position}']").inner_text()
        wanted = document["pieces"][str(token)] if REASONS[code]["committed"] else ""
        assert text.replace("↵", "").strip() == wanted.strip() or code.startswith("blocked")


def test_loads_at_the_end_and_tells(open_viewer: Open) -> None:
    page = open_viewer(load=False)
    page.evaluate(
        """async () => {
          window.told = [];
          const place = document.getElementById("place");
          place.addEventListener("depcap:ready", () => told.push("ready"));
          place.addEventListener("depcap:step", (event) => told.push(event.detail.step));
          await viewer.load("trace.json");
          viewer.step = 3;
        }"""
    )
    told = page.evaluate("told")
    assert "ready" in told
    assert told[-1] == 3
    assert page.evaluate("viewer.step") == 3


def test_keyboard(open_viewer: Open) -> None:
    page = open_viewer()
    total = page.evaluate("viewer.steps")
    page.locator(".depcap-viewer").focus()

    def press(key: str) -> int:
        page.keyboard.press(key)
        page.wait_for_function("!viewer.frame")
        return int(page.evaluate("viewer.step"))

    assert press("Home") == 0
    assert press("ArrowRight") == 1
    assert press("ArrowRight") == 2
    assert press("ArrowLeft") == 1
    block = press("Shift+ArrowRight")
    assert page.evaluate("step => viewer.replay.at(step).block", block) == 1
    assert press("Shift+ArrowLeft") == 1
    assert press("End") == total
    press("ArrowDown")
    first = page.evaluate("viewer.selected")
    press("ArrowDown")
    assert page.evaluate("viewer.selected") == first + 1
    expect(page.locator("[aria-selected=true]")).to_have_attribute("data-position", str(first + 1))
    press("]")
    expect(page.locator(".dv-speed")).to_have_value("2")
    press("i")
    expect(page.locator(".dv-panel-boundary")).to_be_focused()
    press("?")
    expect(page.locator(".dv-dialog")).to_be_visible()
    press("Escape")
    expect(page.locator(".dv-dialog")).to_be_hidden()


def test_keys_do_nothing_without_focus(open_viewer: Open) -> None:
    page = open_viewer()
    before = page.evaluate("viewer.step")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Home")
    assert page.evaluate("viewer.step") == before


def test_slider_arrow_moves_one_step(open_viewer: Open) -> None:
    page = open_viewer()
    page.evaluate("viewer.step = 5")
    page.locator(".dv-transport input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("!viewer.frame")
    assert page.evaluate("viewer.step") == 6


def test_play_and_pause(open_viewer: Open) -> None:
    page = open_viewer()
    page.evaluate("viewer.step = 0")
    page.locator(".dv-speed").select_option("1")  # slow enough not to reach the end before the pause
    page.get_by_role("button", name="play", exact=True).click()
    page.wait_for_function("viewer.step > 0")
    page.get_by_role("button", name="pause", exact=True).click()
    stopped = page.evaluate("viewer.step")
    page.wait_for_timeout(250)
    assert page.evaluate("viewer.step") == stopped


def test_autoplay_honours_reduced_motion(open_viewer: Open, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_viewer(load=False)
    page.evaluate("viewer.autoplay = true; viewer.load('trace.json')")
    page.wait_for_timeout(200)
    assert page.evaluate("viewer.transport.playing") is False


def test_hostile_tokens_are_text(open_viewer: Open, complaints: list[str]) -> None:
    document = payload(tokens=[*HOSTILE] * 2, length=24)
    page = open_viewer(document, charts=True)
    start = document["header"]["prompt_length"]
    for step in range(len(document["steps"]) + 1):
        page.evaluate("step => { viewer.step = step }", step)
        page.wait_for_timeout(60)
    for k, text in enumerate(HOSTILE):
        page.evaluate("position => viewer.select(position)", start + k)
        page.wait_for_function("!viewer.frame")
        shown = page.locator(f"[data-position='{start + k}']").text_content() or ""
        if len(text) < 64 and text.isascii():
            assert shown == text
    bidi = page.locator(f"[data-position='{start + 4}']").text_content() or ""
    assert bidi == "U+202Egnp.exeU+2066"
    long = page.locator(f"[data-position='{start + 5}']").text_content() or ""
    assert len(long) < 100
    assert "10000" in long
    for toggle in page.locator(".dv-tools [aria-pressed]:visible").all():
        toggle.click()
    assert page.locator(".depcap-viewer img").count() == 0
    assert page.locator(".depcap-viewer script").count() == 0
    assert complaints == []


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        ({"schema": 2}, "schema 2"),
        ({"schema": None}, "no schema"),
        ({"steps": None}, "steps are missing"),
        ({"pieces": []}, "pieces are missing"),
        ({"header": {}}, "gen_length"),
    ],
)
def test_other_schemas_and_shapes_are_refused(
    open_viewer: Open, complaints: list[str], damage: Document, line: str
) -> None:
    page = open_viewer(payload(length=16) | damage)
    expect(page.locator(".dv-message")).to_be_visible()
    expect(page.locator(".dv-message")).to_contain_text(line)
    expect(page.locator(".dv-content")).to_be_hidden()
    assert complaints == []


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("confidence", [0.5], "confidence has 1 entries"),
        ("positions", [99_999], "99999"),
        ("edges", [[1, 2]], "edge"),
        ("block", 77, "unknown block"),
    ],
)
def test_damaged_steps_are_refused(open_viewer: Open, field: str, value: Any, line: str) -> None:
    document = payload(length=16)
    document["steps"][1][field] = value
    page = open_viewer(document)
    message = page.locator(".dv-message")
    expect(message).to_contain_text("step 2")
    if line != "99999":
        expect(message).to_contain_text(line)


def test_missing_file_is_one_line(open_viewer: Open) -> None:
    page = open_viewer(load=False)
    page.evaluate("viewer.load('nowhere.json')")
    expect(page.locator(".dv-message")).to_contain_text("404")


def test_live_decode_fills_the_canvas(open_viewer: Open, complaints: list[str]) -> None:
    document = payload(length=24)
    page = open_viewer(load=False)
    header = document["header"]
    known = {str(token): document["pieces"][str(token)] for token in document["prompt"]}
    begun = {"prompt": document["prompt"], "pieces": known, "gen_length": header["gen_length"], "end_id": END}
    begun |= {"mask_id": document["mask_id"], "header": {"method": "DepCap", "cache": "none"}}
    page.evaluate("start => viewer.begin(start)", begun)
    assert set(shown_states(page).values()) == {"far"}
    for record in document["steps"]:
        page.evaluate("delta => viewer.commit(delta)", _delta(document, record))
    page.wait_for_function("!viewer.frame")
    assert page.evaluate("viewer.step") == len(document["steps"])
    assert shown_states(page) == expected_states(document, len(document["steps"]))
    page.evaluate("viewer.step = 1")
    states = set(shown_states(page).values())
    assert states <= {"far", "open", "now"}
    page.evaluate("delta => viewer.commit(delta)", _delta(document, document["steps"][-1]))
    assert page.evaluate("viewer.step") == 1, "the cursor stays where the reader put it"
    page.evaluate("source => viewer.load(source)", document)
    expect(page.locator(".dv-panel-timeline")).to_be_visible()
    assert complaints == []


def test_a_decode_that_is_stopped_keeps_what_it_has(open_viewer: Open, complaints: list[str]) -> None:
    document = payload(length=24)
    page = open_viewer(load=False)
    begun = {"prompt": [], "pieces": {}, "gen_length": 24, "end_id": END, "mask_id": document["mask_id"]}
    page.evaluate("start => viewer.begin(start)", begun | {"header": {"prompt_length": 0}})
    first = _delta(document, document["steps"][0])
    shift = document["header"]["prompt_length"]
    first["positions"] = [position - shift for position in first["positions"]]
    first["block"] |= {name: first["block"][name] - shift for name in ("start", "end")}
    page.evaluate("delta => { viewer.commit(delta); viewer.handle({ type: 'stopped' }) }", first)
    expect(page.locator(".dv-summary")).to_contain_text("1 of 1, stopped")
    before = shown_states(page)
    page.evaluate("delta => viewer.commit(delta)", first)
    assert shown_states(page) == before
    assert complaints == []


def test_tokens_per_forward_are_those_of_the_response(open_viewer: Open) -> None:
    """What comes after the first end token is padding."""
    page = open_viewer()
    length, nfe = page.evaluate("[viewer.replay.responseTokens(), viewer.replay.header.nfe]")
    ends = page.evaluate("[...viewer.replay.token].findIndex((id) => viewer.replay.isEnd(id))")
    assert length == ends > 0
    shown = page.locator(".dv-summary div", has_text="tokens per forward").locator("dd").inner_text()
    assert float(shown) == pytest.approx(length / nfe, rel=5e-3)


def _delta(document: Document, record: Document) -> Document:
    block = document["blocks"][record["block"]]
    keep = [k for k, code in enumerate(record["reason"]) if REASONS[code]["committed"]]
    tokens = [record["tokens"][k] for k in keep]
    return {
        "step": record["step"],
        "block": {name: block[name] for name in ("index", "start", "end")},
        "positions": [record["positions"][k] for k in keep],
        "tokens": tokens,
        "confidence": [record["confidence"][k] for k in keep],
        "pieces": {str(token): document["pieces"][str(token)] for token in tokens},
        "nfe": record["nfe"],
        "seconds": record["seconds"],
    }


def test_what_if_moves_the_boundary(open_viewer: Open, complaints: list[str]) -> None:
    page = open_viewer(charts=True)
    page.evaluate("viewer.step = viewer.replay.blocks[2].step")
    panel = page.locator(".dv-panel-boundary")
    expect(panel.locator(".dv-sentence")).to_contain_text("Block 2.")
    panel.locator(".dv-whatif input").fill("0")
    expect(panel.locator(".dv-answer")).to_contain_text("would end before")
    guess = page.evaluate("viewer.boundary.guess.end")
    influence = page.evaluate("viewer.replay.blocks[2].curves.influence_norm")
    start = page.evaluate("viewer.replay.blocks[2].start")
    wanted = next((k for k, value in enumerate(influence) if value < 0), len(influence))
    assert guess == start + max(wanted, 8)
    assert complaints == []


def test_first_block_is_explained_in_words(open_viewer: Open) -> None:
    page = open_viewer()
    page.evaluate("viewer.step = 1")
    panel = page.locator(".dv-panel-boundary")
    expect(panel.locator(".dv-sentence")).to_contain_text("first block")
    expect(panel.locator(".dv-whatif")).to_be_hidden()
    expect(panel.locator(".dv-chart")).to_be_hidden()


def test_tables_hold_the_numbers(open_viewer: Open) -> None:
    document = payload()
    page = open_viewer(document)
    record = max(document["steps"], key=lambda step: len(step["edges"]))
    page.evaluate("step => { viewer.step = step }", record["step"])
    panel = page.locator(".dv-panel-conflicts")
    panel.get_by_role("button", name="table").click()
    expect(panel.locator("tbody tr")).to_have_count(len(record["edges"]))
    position = panel.locator("tbody button").first.inner_text()
    panel.locator("tbody button").first.click()
    page.wait_for_function("!viewer.frame")
    assert page.evaluate("viewer.selected") == int(position)


def test_inspector_tells_why(open_viewer: Open) -> None:
    document = payload()
    record = next(step for step in document["steps"] if "blocked_by_pick" in step["reason"])
    k = record["reason"].index("blocked_by_pick")
    page = open_viewer(document)
    page.evaluate("step => { viewer.step = step }", record["step"])
    page.locator(f"[data-position='{record['positions'][k]}']").click()
    current = page.locator(".dv-inspector .dv-current")
    expect(current).to_contain_text(f"step {record['step']}")
    expect(current).to_contain_text(f"at {record['cause'][k]}")
    expect(current).to_contain_text("γ = −16")
    expect(page.locator(".dv-inspector .dv-top li")).to_have_count(4)


def test_find_selects_the_next_match(open_viewer: Open) -> None:
    page = open_viewer()
    page.locator(".depcap-viewer").focus()
    page.keyboard.press("/")
    expect(page.locator(".dv-find")).to_be_focused()
    page.keyboard.type("value")
    found = []
    for _ in range(2):
        page.keyboard.press("Enter")
        page.wait_for_function("!viewer.frame")
        found.append(page.evaluate("viewer.selected"))
    assert found[0] < found[1]
    for position in found:
        assert "value" in (page.locator(f"[data-position='{position}']").text_content() or "")


def test_timeline_click_moves_step_and_token(open_viewer: Open) -> None:
    page = open_viewer(charts=True)
    area = page.evaluate("viewer.timeline.area()")
    middle = {"x": area["left"] + area["width"] / 2, "y": area["top"] + area["height"] / 2}
    page.locator(".dv-panel-timeline .dv-chart").click(position=middle)
    page.wait_for_function("!viewer.frame")
    steps, length, start = page.evaluate("[viewer.steps, viewer.replay.length, viewer.replay.start]")
    assert abs(page.evaluate("viewer.step") - steps / 2) <= 1
    assert abs(page.evaluate("viewer.selected") - start - length / 2) <= 1


def test_canvas_works_without_plotly(open_viewer: Open, page: Page) -> None:
    page.route("**/plotly.min.js", lambda route: route.abort())
    open_viewer()
    expect(page.locator(".dv-panel-timeline .dv-wait")).to_contain_text("not available")
    page.evaluate("viewer.step = 4")
    assert page.locator("[data-state=now]").count() > 0


def test_narrow_screen_has_no_sideways_scroll(open_viewer: Open, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_viewer(charts=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    box = page.locator(".dv-transport").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 741, "the transport sticks to the bottom"
    for button in page.locator(".dv-transport button:visible").all():
        size = button.bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 43.9


def test_theme_follows_an_ancestor(open_viewer: Open) -> None:
    page = open_viewer(charts=True)
    script = "getComputedStyle(document.querySelector('.dv-panel')).backgroundColor"
    light = page.evaluate(script)
    ink = "document.querySelector('.dv-panel-timeline .dv-plot').layout.font.color"
    before = page.evaluate(ink)
    page.evaluate("document.body.classList.add('dark')")
    assert page.evaluate(script) != light
    page.wait_for_function(f"{ink} !== {before!r}")


def test_another_payload_takes_over(open_viewer: Open, complaints: list[str]) -> None:
    page = open_viewer(charts=True)
    page.evaluate("viewer.step = 20")
    page.wait_for_timeout(150)
    page.evaluate("source => viewer.load(source)", payload(length=20, seed=5))
    page.evaluate("document.body.classList.add('dark')")
    page.set_viewport_size({"width": 700, "height": 700})
    page.evaluate("viewer.step = 2")
    page.wait_for_timeout(250)
    assert page.locator(".dv-cell").count() == 20
    page.evaluate("viewer.fail('The decode was stopped.')")
    expect(page.locator(".dv-message")).to_have_text("The decode was stopped.")
    assert complaints == []


def test_destroy_leaves_nothing(open_viewer: Open, complaints: list[str]) -> None:
    page = open_viewer(charts=True)
    page.evaluate("viewer.destroy()")
    assert page.locator("#place > *").count() == 0
    page.wait_for_timeout(150)
    assert complaints == []


def test_scrubbing_is_fast(open_viewer: Open) -> None:
    page = open_viewer(payload(length=256), charts=True)
    median = page.evaluate(
        """async () => {
          const taken = [];
          for (let k = 0; k < 40; k++) {
            const before = performance.now();
            viewer.step = 1 + (k * 3) % viewer.steps;
            document.body.offsetHeight;
            taken.push(performance.now() - before);
            await new Promise(requestAnimationFrame);
          }
          return taken.sort((a, b) => a - b)[20];
        }"""
    )
    assert median < 50
