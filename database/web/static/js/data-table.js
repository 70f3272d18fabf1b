// The latest readings as a table, newest first; at most redrawn twice a second.

import { fill, h, setText } from "./dom.js";
import { clock, count, number, quantity, splitColumn, takesPrefix } from "./format.js";

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
    const key = store.name + columns.map((column) => column.key).join();
    if (key !== this.key) this.build(key, columns);
    const indexes = store.index.all();
    const fresh = [];
    for (let row = indexes.length - 1; row >= 0 && indexes[row] > this.lastIndex && fresh.length < MOST; row--) fresh.push(this.line(store, columns, row, indexes));
    if (fresh.length === MOST) this.body.replaceChildren();
    this.body.prepend(...fresh);
    while (this.body.children.length > MOST) this.body.lastElementChild.remove();
    this.lastIndex = indexes.at(-1);
    setText(this.note, store.end > MOST ? `latest ${MOST} of ${count(store.end)} readings` : `${count(store.end)} readings`);
  }

  build(key, columns) {
    this.key = key;
    this.lastIndex = -1;
    this.body.replaceChildren();
    const head = (word, unit) => h("th", { scope: "col", class: "right" }, unit ? `${word} (${unit})` : word);
    fill(this.box, h("table", { class: "grid" }, h("thead", {}, h("tr", {}, head("#"), head("time"), head("step"), columns.map((column) => head(column.name, column.unit)))), this.body));
  }

  line(store, columns, row, indexes) {
    const time = store.ofRole("time")[0];
    const step = store.ofRole("step")[0];
    const cell = (content) => h("td", { class: "right number" }, content);
    return h("tr", {}, cell(count(indexes[row])), cell(time ? clock(new Date(store.values(time.key)[row] * 1000), true) : "–"),
      cell(step ? count(store.values(step.key)[row]) : "–"), columns.map((column) => cell(this.value(store, column, row))));
  }

  value(store, column, row) {
    if (!column.isArray) {
      const reading = store.values(column.key)[row];
      const trim = column.role === "position";
      return takesPrefix(column.unit) ? quantity(reading, column.unit, 5, trim) : number(reading, 5, trim);
    }
    const readings = store.arrays(column.key);
    const reading = readings[row - (store.rows - readings.length)];
    return reading ? `${count(reading.length)} values, most ${quantity(reading.reduce((a, b) => Math.max(a, b), -Infinity), splitColumn(column.name).unit || column.unit, 4)}` : "–";
  }
}
