// The scan's plan as people say it: move this from here to there, measure that.

import { h, icon } from "./dom.js";
import { count, quantity, number } from "./format.js";

const nameOf = (instrument) => (typeof instrument === "string" ? instrument : instrument?.nickname || instrument?.name || "instrument");

function positionsText(positions, unit) {
  const say = (value) => quantity(value, unit);
  if (Array.isArray(positions)) {
    const flat = positions.map((one) => (Array.isArray(one) ? one[0] : one));
    if (flat.length === 0) return "no positions";
    if (flat.length <= 4) return flat.map(say).join(", ");
    return `${say(flat[0])} to ${say(flat.at(-1))}, ${count(flat.length)} positions`;
  }
  if (positions?.linear) return `${say(positions.linear[0])} to ${say(positions.linear[1])}, ${count(positions.linear[2])} positions`;
  if (positions?.float64) return `${say(positions.first)} to ${say(positions.last)}, ${count(positions.count)} positions`;
  if (positions?.range) return `${say(positions.range[0])} to ${say(positions.range[1])} in steps of ${say(positions.range[2])}`;
  return "";
}

function settingsText(settings) {
  return Object.entries(settings ?? {}).map(([key, value]) => `${key} ${typeof value === "number" ? number(value) : typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
}

function step(item) {
  const isMove = item.type === "movement";
  const instrument = item.instrument ?? {};
  const unit = instrument.position_units ?? "";
  const columns = (instrument.data_columns ?? []).map((name, i) => (instrument.data_units?.[i] ? `${name} (${instrument.data_units[i]})` : name)).join(", ");
  const detail = isMove ? positionsText(item.positions, unit) : columns;
  const settings = settingsText(item.settings);
  return h("li", {}, h("div", { class: "step" }, icon(isMove ? "arrows-move" : "soundwave"),
    h("div", { class: "what" }, h("strong", { title: instrument.adapter || null }, `${isMove ? "Move" : "Measure"} ${nameOf(instrument)}`),
      detail && h("div", { class: "muted small-text" }, detail), settings && h("div", { class: "muted small-text" }, settings))),
  item.children?.length ? h("ol", {}, item.children.map(step)) : null);
}

/** The tree as nested lists; a scan without one says so. */
export function planOf(tree) {
  const items = Array.isArray(tree) ? tree : tree?.items ?? (tree ? [tree] : []);
  if (items.length === 0) return h("p", { class: "muted" }, "No plan is recorded.");
  return h("ol", {}, items.map(step));
}
