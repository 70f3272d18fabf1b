// One instrument as a card: name, state, each axis with its position, each value.

import { badge, fill, h, middle, setText, tint } from "./dom.js";
import { ago, number, quantity, splitColumn } from "./format.js";

/** The unit of an axis or value: from its own name, from a list beside it, or the instrument's one. */
export function unitOf(instrument, name, place) {
  const own = splitColumn(name).unit;
  if (own) return own;
  const { units } = instrument;
  if (typeof units === "string") return units;
  if (Array.isArray(units)) return units[place] ?? "";
  return units?.[name] ?? "";
}

/** A value as text; an array comes as {shape, min, max} or as itself, and is told by its range. */
export function display(instrument, name, value, place, trim = false) {
  const unit = unitOf(instrument, name, place);
  if (typeof value === "number") return quantity(value, unit, trim ? 5 : 4, trim);
  if (value === null || value === undefined) return "–";
  const least = Array.isArray(value) ? Math.min(...value) : value.min;
  const most = Array.isArray(value) ? Math.max(...value) : value.max;
  return Number.isFinite(least) && Number.isFinite(most) ? `${number(least, 4)} to ${quantity(most, unit, 4)}` : "an array";
}

/** Limits [low, high] of the (first) axis, if it has any. */
export function limitsOf(instrument) {
  const limits = instrument.limits;
  if (Array.isArray(limits) && limits.length === 2 && limits.every(Number.isFinite)) return limits;
  return null;
}

export class InstrumentView {
  constructor({ big = false } = {}) {
    this.big = big;
    this.state = h("span", {});
    this.axes = h("div", { class: "axes" });
    this.error = h("p", { class: "card-error", hidden: true });
    this.rows = new Map();
    this.element = h("div", { class: big ? "big" : "instrument-body" }, this.axes, this.error);
  }

  show(instrument) {
    const moving = instrument.status === "moving";
    this.element.classList.toggle("position-moving", moving);
    this.element.classList.toggle("position-old", instrument.status === "disconnected");
    this.element.title = instrument.status === "disconnected" ? "As it was when it was last connected" : "";
    const wanted = [
      ...Object.entries(instrument.position ?? {}).map(([name, value], i) => ({ kind: "axis", name, value, place: i })),
      ...Object.entries(instrument.value ?? {}).map(([name, value], i) => ({ kind: "value", name, value, place: i })),
    ];
    const shape = wanted.map((row) => row.kind + row.name).join("|");
    if (shape !== this.shape) this.build(wanted, shape, instrument);
    for (const row of wanted) this.write(this.rows.get(row.kind + row.name), row, instrument, moving);
    this.error.hidden = !instrument.error;
    setText(this.error, instrument.error ?? "");
  }

  build(wanted, shape, instrument) {
    this.shape = shape;
    this.rows.clear();
    fill(this.axes, wanted.map((row) => {
      const value = h("span", { class: typeof row.value === "object" && row.value ? "position-value range" : "position-value" });
      const target = h("span", { class: "position-target" });
      const mark = h("i");
      const travel = row.kind === "axis" && limitsOf(instrument) ? h("div", { class: "travel" }, mark) : null;
      const title = h("span", { class: "axis-name cut" });
      this.rows.set(row.kind + row.name, { title, value, target, mark: travel && mark });
      return h("div", { class: "axis-box" }, h("div", { class: "position-axis", dataset: { axis: row.name } }, title, value), travel, row.kind === "axis" && target);
    }));
    if (wanted.length === 0) fill(this.axes, h("p", { class: "muted" }, instrument.status === "disconnected" ? "not connected" : "no reading yet"));
  }

  write(line, row, instrument, moving) {
    setText(line.title, `${splitColumn(row.name).name}${instrument.status === "disconnected" ? ", last" : ""}`);
    setText(line.value, display(instrument, row.name, row.value, row.place, row.kind === "axis" && !moving));
    if (row.kind !== "axis") return;
    const target = instrument.target?.[row.name];
    setText(line.target, moving && typeof target === "number" ? `to ${display(instrument, row.name, target, row.place, true)}` : "");
    const limits = limitsOf(instrument);
    if (line.mark && limits) line.mark.style.left = `${Math.max(0, Math.min(100, ((row.value - limits[0]) / (limits[1] - limits[0])) * 100))}%`;
  }
}

/** A card that is a link to the instrument's page. */
export class InstrumentCard {
  constructor() {
    this.view = new InstrumentView();
    this.state = h("span", {});
    this.title = h("a", { class: "title cut" });
    this.note = h("span", { class: "muted small-text cut" });
    this.time = h("span", { class: "muted small-text number" });
    this.element = h("article", { class: "card-box position-panel" }, h("div", { class: "line" }, this.title, this.state), this.view.element,
      h("div", { class: "line" }, this.note, this.time));
  }

  show(instrument) {
    const name = instrument.nickname || instrument.name;
    if (this.name !== name) {
      this.name = name;
      fill(this.title, middle(name));
      this.title.href = `/instruments/${instrument.instrument_id}`;
      this.element.dataset.instrumentId = instrument.instrument_id;
      setText(this.note, instrument.pybirch_class ?? instrument.adapter ?? "");
      this.note.title = instrument.adapter ?? "";
    }
    if (this.shown !== instrument.status) {
      fill(this.state, badge(instrument.status));
      if (this.shown && [this.shown, instrument.status].includes("error")) tint(this.state.firstElementChild);
      this.shown = instrument.status;
    }
    if (this.updated !== instrument.updated_at) {
      this.updated = instrument.updated_at;
      fill(this.time, ago(instrument.updated_at));
    }
    this.view.show(instrument);
  }
}
