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
  if (positions?.logarithmic) return `${say(positions.logarithmic[0])} to ${say(positions.logarithmic[1])}, ${count(positions.logarithmic[2])} positions, logarithmic`;
  if (positions?.around) return `${say(positions.around[1])} around ${say(positions.around[0])}, ${count(positions.around[2])} positions`;
  if (positions?.float64) return `${say(positions.first)} to ${say(positions.last)}, ${count(positions.count)} positions`;
  if (positions?.range) {
    const [start, stop, by] = positions.range;
    const number = Math.max(1, Math.ceil((stop - start) / by));
    return `${say(start)} to ${say(start + (number - 1) * by)}, ${count(number)} positions`;
  }
  return "";
}

function settingsText(settings) {
  return Object.entries(settings ?? {}).map(([key, value]) => `${key} ${typeof value === "number" ? number(value) : typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
}

function whenText(when) {
  const bounds = [];
  if (typeof when?.above === "number") bounds.push(`above ${number(when.above)}`);
  if (typeof when?.below === "number") bounds.push(`below ${number(when.below)}`);
  return `${[when?.measurement, when?.column].filter(Boolean).join(", ")} is ${bounds.join(" and ")}`;
}

function strategyText(strategy, unit) {
  const [[kind, fields]] = Object.entries(strategy ?? { function: "" });
  if (kind === "function") return `positions chosen by ${fields}`;
  const between = `between ${quantity(fields.low, unit)} and ${quantity(fields.high, unit)}`;
  if (kind === "bisection") return `find where it crosses ${number(fields.level)}, ${between}`;
  return `${kind === "refinement" ? "more positions where the curve bends" : "positions chosen by adaptive"}, ${between}`;
}

function errorText(policy) {
  if (!policy) return "";
  const tries = policy.retries ? `try ${count(policy.retries)} more times${policy.delay ? ` after ${quantity(policy.delay, "s")} each` : ""}, then ` : "";
  return `on error ${tries}${policy.then === "skip" ? "leave it out" : "fail"}`;
}

const LEAVE = { round: "Go on with the next position", loop: "Leave this loop", scan: "End the scan" };
const KEEP = { every: "", mean: ", their mean", std: ", mean and standard deviation" };

/** Symbol, title and details of an item, by its type. */
const WORDS = {
  movement: (item, name, unit) => ["arrows-move", `Move ${name}`, [`${positionsText(item.positions, unit)}${item.snake ? ", there and back" : ""}`]],
  adaptive: (item, name, unit) => ["bezier2", `Move ${name} by what ${item.measurement} shows`, [strategyText(item.strategy, unit), `${count(item.max_positions)} positions at most`]],
  measurement: (item, name, unit, columns) => ["soundwave", `Measure ${name}`, [columns, item.repeats > 1 ? `${count(item.repeats)} readings${KEEP[item.keep] ?? ""}` : ""]],
  stable: (item, name) => ["hourglass-split", `Wait until ${name} is stable`, [`within ${number(item.tolerance)} for ${quantity(item.seconds, "s")}`]],
  settings: (item, name) => ["sliders", `Set ${name}`, []],
  wait: (item) => ["hourglass-split", `Wait ${quantity(item.seconds, "s")}`, []],
  repeat: (item) => ["arrow-repeat", `${count(item.times)} times`, []],
  sequence: (item) => ["list-ol", item.title || "In order", []],
  parallel: () => ["layout-split", "At the same time", []],
  condition: (item) => ["signpost-split", `If ${whenText(item.when)}`, []],
  leave: (item) => ["box-arrow-right", LEAVE[item.what] ?? "Leave", []],
};

const listOf = (items) => (items?.length ? h("ol", {}, items.map(step)) : null);

function step(item) {
  const instrument = item.instrument ?? {};
  const columns = (instrument.data_columns ?? []).map((name, i) => (instrument.data_units?.[i] ? `${name} (${instrument.data_units[i]})` : name)).join(", ");
  const words = WORDS[item.type] ?? (() => ["question-circle", item.type ?? "step", []]);
  const [symbol, title, details] = words(item, nameOf(instrument), instrument.position_units ?? "", columns);
  const told = [...details, settingsText(item.settings), errorText(item.on_error)].filter(Boolean);
  return h("li", {}, h("div", { class: "step" }, icon(symbol),
    h("div", { class: "what" }, h("strong", { title: instrument.adapter || null }, title),
      told.map((text) => h("div", { class: "muted small-text" }, text)))),
  listOf(item.children),
  item.otherwise?.length ? [h("div", { class: "muted small-text" }, "otherwise"), listOf(item.otherwise)] : null);
}

/** The tree as nested lists; a scan without one says so. */
export function planOf(tree) {
  const items = Array.isArray(tree) ? tree : tree?.items ?? (tree ? [tree] : []);
  if (items.length === 0) return h("p", { class: "muted" }, "No plan is recorded.");
  return h("ol", {}, items.map(step));
}
