// The latest readings as a table, newest first, each column in one unit; at most redrawn twice a second.

import { fill, h, setText } from "./dom.js";
import { clock, columnScale, count, plural, quantity, splitColumn } from "./format.js";

const MOST = 200;

export class DataTable {
  constructor(box, note) {
    Object.assign(this, { box, note, key: null, lastIndex: -1 });
    this.body = h("tbody");
  }

  /** Show this store soon. */
  show(store) {
    this.store = store;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.draw();
    }, 400);
  }

  draw() {
    const { store } = this;
    if (!store || store.rows === 0) {
      fill(this.box, h("div", { class: "empty" }, h("p", {}, "No readings yet.")));
      setText(this.note, "");
      this.key = null;
      return;
    }
    const columns = [...store.ofRole("position"), ...store.ofRole("data")];
    const scales = columns.map((column) => (column.isArray ? null : columnScale(store.values(column.key).subarray(-MOST), column.unit, column.role === "position")));
    const key = store.name + columns.map((column, i) => `${column.key} ${scales[i]?.unit} ${scales[i]?.decimals}`).join();
    this.scales = scales;
    if (key !== this.key) this.build(key, columns);
    if (store.removals !== this.removals) {
      this.removals = store.removals;
      this.lastIndex = -1;
      this.body.replaceChildren();
    }
    const indexes = store.index.all();
    const fresh = [];
    for (let row = indexes.length - 1; row >= 0 && indexes[row] > this.lastIndex && fresh.length < MOST; row--) fresh.push(this.line(store, columns, row, indexes));
    if (fresh.length === MOST) this.body.replaceChildren();
    this.body.prepend(...fresh);
    while (this.body.children.length > MOST) this.body.lastElementChild.remove();
    this.lastIndex = indexes.at(-1);
    const again = store.repeated ? `, ${count(store.repeated)} measured again` : "";
    setText(this.note, (store.shown > MOST ? `latest ${MOST} of ${count(store.shown)} readings` : plural(store.shown, "reading")) + again);
  }

  build(key, columns) {
    this.key = key;
    this.lastIndex = -1;
    this.body.replaceChildren();
    const head = (word, unit) => h("th", { scope: "col", class: "right" }, unit ? `${word} (${unit})` : word);
    fill(this.box, h("table", { class: "grid" }, h("thead", {}, h("tr", {}, head("#"), head("time"), head("step"), columns.map((column, i) => head(column.name, this.scales[i]?.unit ?? column.unit)))), this.body));
  }

  line(store, columns, row, indexes) {
    const time = store.ofRole("time")[0];
    const step = store.ofRole("step")[0];
    const cell = (content) => h("td", { class: "right number" }, content);
    return h("tr", {}, cell(count(indexes[row])), cell(time ? clock(new Date(store.values(time.key)[row] * 1000), true) : "–"),
      cell(step ? count(store.values(step.key)[row]) : "–"), columns.map((column, i) => cell(this.value(store, column, row, this.scales[i]))));
  }

  value(store, column, row, scale) {
    if (scale) return scale.text(store.values(column.key)[row]);
    const readings = store.arrays(column.key);
    const reading = readings[row - (store.rows - readings.length)];
    return reading ? `${count(reading.length)} values, most ${quantity(reading.reduce((a, b) => Math.max(a, b), -Infinity), splitColumn(column.name).unit || column.unit, 4)}` : "–";
  }
}
