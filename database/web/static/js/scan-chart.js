// What the scan page's chart shows: which measurement, which columns, which zoom; all of it in the URL.

import { rangeOf } from "./chart-drawing.js";
import { chartMessage, LiveChart, SERIES_TOKENS } from "./chart.js";
import { byId, fill, h, setText } from "./dom.js";
import { count, largest, nearZero, quantity } from "./format.js";
import { isActive } from "./progress.js";
import { ZoomDetail } from "./zoom-detail.js";
import { alignTo, drawBar, drawHeatmap } from "./heatmap.js";

const INDEX = "index";
const NOTHING = { queued: "Not started yet. What it measures is drawn here.", running: "Waiting for the first point.", paused: "Waiting for the first point." };
const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

export class ScanChart {
  constructor(manager, { status }) {
    Object.assign(this, { manager, status, row: null, choices: "" });
    this.query = new URLSearchParams(location.search);
    this.chart = new LiveChart(byId("scan-chart"), { onZoom: (zoom) => this.zoomed(zoom), onCursor: (row) => this.cursor(row) });
    const zoom = (this.query.get("zoom") ?? "").split(",").map(Number);
    if (zoom.length >= 2 && zoom.every(Number.isFinite)) this.chart.zoom = { x: zoom.slice(0, 2), y: zoom.length === 4 ? zoom.slice(2) : null };
    byId("chart-follow").addEventListener("click", () => this.chart.setZoom(null));
    byId("chart-x").addEventListener("change", (event) => this.choose({ x: event.target.value, zoom: null }));
    this.detail = new ZoomDetail(manager, () => this.update());
    this.showFollow();
  }

  /** Names of the measurements, in the scan's order. */
  setMeasurements(names) {
    if (this.names && same(this.names, names)) return;
    this.names = names;
    fill(byId("measurement-tabs"), names.map((name) => h("button", {
      type: "button", role: "tab", dataset: { measurement: name }, on: { click: () => this.choose({ m: name, x: null, y: null, zoom: null }) },
    }, name, h("span", { class: "muted" }))));
    this.showTabs();
  }

  get measurement() {
    const wanted = this.query.get("m");
    return this.names?.includes(wanted) ? wanted : this.names?.[0] ?? null;
  }

  get store() {
    return this.measurement ? this.manager.store(this.measurement) : null;
  }

  choose(changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) this.query.delete(key);
      else this.query.set(key, value);
    }
    const text = this.query.toString();
    history.replaceState(null, "", text ? `?${text}` : location.pathname);
    if ("zoom" in changes && changes.zoom === null && this.chart.zoom) this.chart.zoom = null;
    this.showFollow();
    this.showTabs();
    this.update();
    this.onChoice?.();
  }

  showTabs() {
    for (const tab of byId("measurement-tabs").children) {
      tab.setAttribute("aria-selected", String(tab.dataset.measurement === this.measurement));
      setText(tab.lastElementChild, count(this.manager.shown(tab.dataset.measurement)));
    }
  }

  zoomed(zoom) {
    this.query.delete("zoom");
    if (zoom) this.query.set("zoom", [...zoom.x, ...(zoom.y ?? [])].map((value) => Number(value.toPrecision(8))).join(","));
    const text = this.query.toString();
    history.replaceState(null, "", text ? `?${text}` : location.pathname);
    this.showFollow();
    if (this.store?.decimated) this.update();
    if (this.view?.mapped) this.mapSoon();
  }

  showFollow() {
    const button = byId("chart-follow");
    button.hidden = !this.chart.zoom;
    setText(button.lastChild, isActive(this.status()) || this.status() === "queued" ? "Follow" : "Show all");
  }

  /** Draw what is new, at the next frame; called for each block of the measurement shown. */
  updateSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.update();
    });
  }

  update() {
    this.showTabs();
    const { store } = this;
    const isEmpty = !store || store.rows === 0;
    const panel = byId("scan-chart").parentElement;
    panel.classList.toggle("is-empty", isEmpty);
    panel.classList.toggle("is-awaited", isEmpty && isActive(this.status()));
    if (isEmpty) {
      this.chart.message(chartMessage(NOTHING[this.status()] ?? "No points were measured."));
      byId("heatmap-box").hidden = true;
      return;
    }
    const arrays = store.ofRole("data").filter((column) => column.isArray);
    const view = arrays.length ? this.spectrum(store, arrays) : this.trace(store);
    this.chart.show(view.data);
    this.view = view;
    byId("heatmap-box").hidden = arrays.length === 0;
    if (arrays.length) this.mapSoon();
    this.cursor(this.row);
  }

  trace(store) {
    const positions = store.ofRole("position");
    const time = store.ofRole("time")[0];
    const xs = [...positions.map((column) => [column.key, column.name]), ...(time ? [["time", "time"]] : []), [INDEX, "index"]];
    const columns = store.ofRole("data");
    const x = xs.some(([key]) => key === this.query.get("x")) ? this.query.get("x") : (this.bestPosition(store, positions)?.key ?? (time ? "time" : INDEX));
    const ys = this.chosen(columns);
    this.showChoices(xs, x, columns, ys);
    const whole = this.xValues(store, x, time);
    const part = this.chart.zoom && store.decimated ? this.detail.within(store, whole.values, this.chart.zoom.x) : null;
    const shown = part ?? store;
    const values = part ? { ...whole, values: this.xValues(part, x, time, whole.origin).values } : whole;
    return {
      store: shown,
      data: { x: values, ys: ys.map((column) => ({ name: column.name, unit: column.unit, values: shown.values(column.key) })), extent: part ? rangeOf([whole.values], 0) : null },
    };
  }

  /** The innermost position is the one that is swept: the last of those that have been moved and change. */
  bestPosition(store, positions) {
    const moved = positions.filter((column) => Number.isFinite(store.values(column.key).at(-1) ?? 0));
    return moved.findLast((column) => {
      const values = store.values(column.key);
      return values.length < 2 || values.some((value) => Number.isFinite(value) && value !== values.at(-1));
    }) ?? moved.at(-1) ?? positions.at(-1);
  }

  xValues(store, x, time, origin = null) {
    if (x === INDEX || (x === "time" && !time)) return { name: "index", unit: "", values: store.index.all() };
    if (x !== "time") {
      const column = store.column(x);
      return { name: column.name, unit: column.unit, values: store.values(x) };
    }
    const values = store.values(time.key);
    const first = origin?.first ?? values[0];
    const span = origin?.span ?? (values.length ? values.at(-1) - first : 0);
    const [unit, seconds] = span > 3 * 3600 ? ["h", 3600] : span > 600 ? ["min", 60] : ["s", 1];
    return { name: "time since the first point", unit, origin: { first, span }, values: values.map((value) => (value - first) / seconds) };
  }

  spectrum(store, columns) {
    const axis = this.wavelengthAxis(store, columns);
    const ysPossible = columns.filter((column) => column !== axis);
    const xs = [...(axis ? [[axis.key, axis.name]] : []), [INDEX, "element"]];
    const x = axis && this.query.get("x") !== INDEX ? axis.key : INDEX;
    const ys = this.chosen(ysPossible);
    this.showChoices(xs, x, ysPossible, ys);
    const last = (column) => store.arrays(column.key).at(-1);
    const length = last(ys[0]).length;
    return {
      store, axis, mapped: ys[0],
      data: {
        x: x === INDEX ? { name: "element", unit: "", values: Float64Array.from({ length }, (_, i) => i) } : { name: axis.name, unit: axis.unit, values: last(axis) },
        ys: ys.map((column) => ({ name: column.name, unit: column.unit, values: last(column), unlabelled: true })),
      },
    };
  }

  /** An array column that rises and is the same in every reading (to float32) is an axis, not a reading. */
  wavelengthAxis(store, columns) {
    if (columns.length < 2) return null;
    return columns.find((column) => {
      const readings = store.arrays(column.key);
      const [first, last] = [readings[0], readings.at(-1)];
      return last.length > 1 && last.every((value, i) => (i === 0 || value > last[i - 1]) && Math.abs(value - first[i]) <= 1e-6 * Math.abs(value));
    }) ?? null;
  }

  /** Chosen columns; several only where they share a unit, since they share an axis. */
  chosen(columns) {
    const wanted = (this.query.get("y") ?? "").split("|");
    const fit = columns.filter((column) => wanted.includes(column.key));
    const ys = fit.length ? fit.filter((column) => column.unit === fit[0].unit) : columns.slice(0, 1);
    return ys.slice(0, SERIES_TOKENS.length);
  }

  showChoices(xs, x, columns, ys) {
    const key = JSON.stringify([xs, x, columns.map((column) => column.key), ys.map((column) => column.key)]);
    if (key === this.choices) return;
    this.choices = key;
    fill(byId("chart-x"), xs.map(([value, word]) => h("option", { value, selected: value === x }, word)));
    fill(byId("chart-y"), columns.map((column) => {
      const place = ys.indexOf(column);
      const button = h("button", { type: "button", "aria-pressed": String(place >= 0), dataset: { column: column.key }, title: "Click to show; with Ctrl beside the others of its unit" },
        column.unit ? `${column.name} (${column.unit})` : column.name);
      if (place >= 0) button.style.setProperty("--mark", `var(${SERIES_TOKENS[place]})`);
      button.addEventListener("click", (event) => this.pick(column, ys, event.ctrlKey || event.metaKey || event.shiftKey));
      return button;
    }));
  }

  pick(column, ys, beside) {
    let wanted = [column];
    if (beside) wanted = ys.includes(column) ? ys.filter((one) => one !== column) : [...ys.filter((one) => one.unit === column.unit), column];
    if (wanted.length) this.choose({ y: wanted.map((one) => one.key).join("|"), zoom: null });
  }

  cursor(row) {
    this.row = row;
    const box = byId("chart-readout");
    const view = this.view;
    if (!view) return;
    const { x, ys } = view.data;
    const at = row === null || row >= x.values.length ? null : row;
    const i = at ?? x.values.length - 1;
    const scalar = !view.mapped;
    if (at === null && !scalar) {
      setText(box, `Reading ${count(view.store.end - 1)}, the last`);
      return;
    }
    fill(box, h("span", {}, at === null ? "last" : scalar ? `#${count(view.store.index.all()[i])}` : `reading ${count(view.store.end - 1)}`),
      h("span", {}, `${x.name} `, h("strong", {}, quantity(nearZero(x.values[i], largest(x.values)), x.unit))), ys.map((y) => h("span", {}, `${y.name} `, h("strong", {}, quantity(nearZero(y.values[i], largest(y.values)), y.unit)))));
  }

  /** First element shown and one past the last, by the zoom on x. */
  zoomedElements() {
    const { values } = this.view.data.x;
    const span = this.chart.zoom?.x ?? [values[0], values.at(-1)];
    let from = 0;
    let to = values.length;
    while (from < to - 2 && values[from] < span[0]) from++;
    while (to > from + 2 && values[to - 1] > span[1]) to--;
    return [from, to];
  }

  mapSoon() {
    this.mapTimer ??= setTimeout(() => {
      this.mapTimer = null;
      this.drawMap();
    }, 250);
  }

  drawMap() {
    const { store, mapped } = this.view ?? {};
    const rows = mapped ? store.arrays(mapped.key) : [];
    if (rows.length === 0) return;
    const [from, to] = this.zoomedElements();
    const { low, high } = drawHeatmap(byId("scan-heatmap"), rows.map((row) => row.subarray(from, to)));
    if (this.chart.plot) alignTo(byId("scan-heatmap"), this.chart.plot);
    setText(byId("heatmap-title"), `${mapped.name}, readings ${count(store.end - rows.length)} to ${count(store.end - 1)}, newest at the bottom`);
    setText(byId("heatmap-low"), quantity(low, mapped.unit, 4));
    setText(byId("heatmap-high"), quantity(high, mapped.unit, 4));
    if (!this.barDrawn) drawBar(byId("heatmap-bar"));
    this.barDrawn = true;
  }
}
