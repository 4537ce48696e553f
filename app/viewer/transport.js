// Moving through the steps: slider, buttons, playback and the keys that go with them.

import { count, h } from "./dom.js";
import { icon } from "./icons.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16];
const STEPS_PER_SECOND = 6;
const LABELS = {
  blockBack: "previous block",
  back: "step back",
  play: "play",
  forward: "step forward",
  blockForward: "next block",
};

export class Transport {
  constructor({ onStep, onPlaying, onHelp }) {
    Object.assign(this, { onStep, onPlaying });
    this.step = 0;
    this.playing = false;
    this.speed = 1;
    this.slider = h("input", { type: "range", min: "0", max: "0", value: "0", "aria-label": "Step", class: "dv-slider" });
    this.slider.addEventListener("input", () => this.request(Number(this.slider.value)));
    this.buttons = this.makeButtons();
    this.select = this.makeSpeed();
    const help = h("button", { type: "button", class: "dv-button dv-help", "aria-label": "Keyboard help" }, "?");
    help.addEventListener("click", onHelp);
    this.counter = h("span", { class: "dv-counter", "aria-hidden": "true" });
    const row = h("div", { class: "dv-buttons" }, ...Object.values(this.buttons), this.select, this.counter, help);
    this.element = h("div", { class: "dv-transport", role: "group", "aria-label": "Playback" }, this.slider, row);
  }

  makeButtons() {
    const acts = {
      blockBack: () => this.jumpBlock(-1),
      back: () => this.request(this.step - 1),
      play: () => this.toggle(),
      forward: () => this.request(this.step + 1),
      blockForward: () => this.jumpBlock(1),
    };
    return Object.fromEntries(
      Object.entries(LABELS).map(([name, label]) => {
        const button = h("button", { type: "button", class: `dv-button dv-${name}`, "aria-label": label, title: label });
        button.append(icon(name));
        button.addEventListener("click", acts[name]);
        return [name, button];
      }),
    );
  }

  makeSpeed() {
    const options = SPEEDS.map((speed) => h("option", { value: speed, selected: speed === 1 }, `${speed}×`));
    const select = h("select", { class: "dv-speed", "aria-label": "Playback speed" }, ...options);
    select.addEventListener("change", () => (this.speed = Number(select.value)));
    return select;
  }

  load(replay) {
    this.pause();
    this.replay = replay;
    this.grow();
  }

  /** The replay has more steps than before. */
  grow() {
    this.slider.max = String(this.replay.steps.length);
    this.element.classList.toggle("dv-idle", this.replay.steps.length === 0);
  }

  /** Asks for a step; input is coalesced to one draw per animation frame by the receiver. */
  request(step) {
    if (this.playing) this.pause();
    this.onStep(step);
  }

  show(step) {
    this.step = step;
    const total = this.replay.steps.length;
    this.slider.value = String(step);
    this.slider.style.setProperty("--fill", total === 0 ? "0%" : `${(100 * step) / total}%`);
    const unmasked = step === 0 ? "nothing unmasked yet" : `${count(this.replay.unmaskedIn(step), "token")} unmasked`;
    this.slider.setAttribute("aria-valuetext", `step ${step} of ${total}, ${unmasked}`);
    this.counter.textContent = `${step} / ${total}`;
    this.buttons.back.disabled = this.buttons.blockBack.disabled = step === 0;
    this.buttons.forward.disabled = this.buttons.blockForward.disabled = step === total;
  }

  jumpBlock(direction) {
    this.request(this.replay.blockJump(this.step, direction));
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (!this.replay || this.replay.steps.length === 0) return;
    if (this.step >= this.replay.steps.length) this.onStep(0);
    this.setPlaying(true);
    let last = performance.now();
    let owed = 0;
    const tick = (now) => {
      if (!this.playing) return;
      owed += ((now - last) / 1000) * STEPS_PER_SECOND * this.speed;
      last = now;
      const whole = Math.floor(owed);
      owed -= whole;
      if (whole > 0) this.onStep(Math.min(this.step + whole, this.replay.steps.length));
      if (this.step >= this.replay.steps.length) this.pause();
      else this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  pause() {
    cancelAnimationFrame(this.frame);
    if (this.playing) this.setPlaying(false);
  }

  setPlaying(playing) {
    this.playing = playing;
    const { play } = this.buttons;
    play.replaceChildren(icon(playing ? "pause" : "play"));
    play.setAttribute("aria-label", playing ? "pause" : "play");
    play.title = playing ? "pause" : "play";
    this.onPlaying(playing);
  }

  changeSpeed(direction) {
    const at = SPEEDS.indexOf(this.speed) + direction;
    this.speed = SPEEDS[Math.min(Math.max(at, 0), SPEEDS.length - 1)];
    this.select.value = String(this.speed);
  }
}
