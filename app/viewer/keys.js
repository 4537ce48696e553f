// Keys of the viewer, active only while it has the focus.

import { h } from "./dom.js";

const KEYS = [
  ["Space", "play or pause"],
  ["← →", "one step"],
  ["Shift ← →", "one block"],
  ["Home End", "first or last step"],
  ["↑ ↓", "previous or next token"],
  ["[ ]", "slower or faster"],
  ["i", "block boundary"],
  ["c", "conflicts"],
  ["t", "token and alternatives"],
  ["/", "find a token"],
  ["f", "full screen"],
  ["?", "this list"],
];

function actions(viewer) {
  const { transport } = viewer;
  const focus = (element) => {
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  };
  const select = (by) => viewer.select(viewer.selected === null ? viewer.replay.start : viewer.selected + by);
  return {
    " ": () => transport.toggle(),
    ArrowLeft: () => transport.request(viewer.step - 1),
    ArrowRight: () => transport.request(viewer.step + 1),
    "Shift+ArrowLeft": () => transport.jumpBlock(-1),
    "Shift+ArrowRight": () => transport.jumpBlock(1),
    Home: () => transport.request(0),
    End: () => transport.request(viewer.steps),
    ArrowUp: () => select(-1),
    ArrowDown: () => select(1),
    "[": () => transport.changeSpeed(-1),
    "]": () => transport.changeSpeed(1),
    i: () => focus(viewer.boundary.element),
    c: () => focus(viewer.conflicts.element),
    t: () => focus(viewer.inspector.element),
    "/": () => viewer.search.input.focus(),
    f: () => fullScreen(viewer),
    "?": () => viewer.help.showModal(),
  };
}

function fullScreen(viewer) {
  const panel = viewer.panels.find((found) => found.element.contains(document.activeElement));
  if (document.fullscreenElement) document.exitFullscreen();
  else (panel?.element ?? viewer.root).requestFullscreen?.();
}

/** Handles a keydown inside the viewer; keys a control needs itself are left to it. */
export function onKey(event, viewer) {
  if (!viewer.replay || viewer.help.open || event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event;
  const isOwnSlider = target === viewer.transport.slider;
  const isField = !isOwnSlider && target.matches("input, select, textarea");
  if (isField || (key === " " && target.matches("button, select"))) return;
  const isScroll = target.matches(".dv-table, .dv-log, .dv-prompt") && /^(Arrow(Up|Down)|Home|End)$/.test(key);
  if (isScroll) return;
  const name = event.shiftKey && key.startsWith("Arrow") ? `Shift+${key}` : key;
  const action = actions(viewer)[name];
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}

/** The list of keys. */
export function helpDialog() {
  const rows = KEYS.map(([keys, what]) => {
    const caps = keys.split(" ").map((cap) => h("kbd", {}, cap));
    return h("div", {}, h("dt", {}, ...caps), h("dd", {}, what));
  });
  const close = h("button", { type: "button", class: "dv-small" }, "close");
  const dialog = h("dialog", { class: "dv-dialog", "aria-label": "Keyboard" }, h("h3", {}, "Keyboard"), h("dl", {}, ...rows), close);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}
