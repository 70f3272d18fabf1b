// The live chart around uPlot: any x (a sweep may go back and forth), zoom kept, follows until touched.

import { fill, h } from "./dom.js";
import { drawLast, drawSeries, nearest, rangeOf, rangeWithin } from "./chart-drawing.js";
import { number, prefixFor } from "./format.js";

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const SERIES_TOKENS = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5"];

/**
 * Data: {x: {name, unit, values}, ys: [{name, unit, values}], extent?}; all ys share one unit; extent is the
 * whole range of x where the values are only a part of it.
 * `onZoom(zoom)` hears of {x: [a, b], y: [a, b]|null} or null; `onCursor(row|null)` of the row under the pointer.
 */
export class LiveChart {
  constructor(box, { onZoom, onCursor } = {}) {
    Object.assign(this, { box, onZoom, onCursor, zoom: null, data: null, plot: null, frame: 0, timer: null, drawnAt: 0 });
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.observer.observe(box);
    const recolour = () => this.rebuild();
    window.addEventListener("pybirch:theme", recolour);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  }

  size() {
    return { width: Math.max(200, this.box.clientWidth - 16), height: Math.max(160, this.box.clientHeight - 8) };
  }

  /** Show this data at the next frame; nothing is drawn while the page is hidden. */
  show(data) {
    const shape = data.ys.map((y) => y.name).join("|") + data.x.name;
    const changed = shape !== this.shape;
    this.shape = shape;
    this.data = data;
    if (changed) this.rebuild();
    else this.redrawSoon();
  }

  /** At the next frame; long traces, which cost more than they change, at most five times a second. */
  redrawSoon() {
    const length = this.data.x.values.length;
    const wait = (length < 2000 ? 0 : length < 8000 ? 100 : 200) - (performance.now() - this.drawnAt);
    if (wait <= 0) this.frame ||= requestAnimationFrame(() => this.redraw());
    else this.timer ??= setTimeout(() => {
      this.timer = null;
      this.frame ||= requestAnimationFrame(() => this.redraw());
    }, wait);
  }

  message(...content) {
    this.plot?.destroy();
    this.plot = null;
    this.shape = null;
    fill(this.box, content);
  }

  rebuild() {
    if (!this.data) return;
    this.plot?.destroy();
    fill(this.box);
    this.colours = {
      text: token("--muted"), strong: token("--text"), grid: token("--grid"), border: token("--border"), surface: token("--surface"),
      series: SERIES_TOKENS.map(token), font: `12px ${token("--font")}`,
    };
    this.plot = new window.uPlot(this.options(), this.columns(), this.box);
    this.plot.over.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.plot.over.addEventListener("dblclick", () => this.setZoom(null));
  }

  redraw() {
    this.frame = 0;
    this.drawnAt = performance.now();
    this.plot?.setData(this.columns(), true);
  }

  columns() {
    const { x, ys } = this.data;
    this.full = { x: this.data.extent ?? rangeOf([x.values], 0), y: rangeOf(ys.map((y) => y.values), 0.06) };
    const shown = this.shownRange();
    this.units = {
      x: prefixFor(Math.max(Math.abs(shown.x[0]), Math.abs(shown.x[1])), x.unit),
      y: prefixFor(Math.max(Math.abs(shown.y[0]), Math.abs(shown.y[1])), ys[0]?.unit ?? ""),
    };
    return [x.values, ...ys.map((y) => y.values)];
  }

  shownRange() {
    if (!this.zoom) return this.full;
    const y = this.zoom.y ?? rangeWithin(this.data.x.values, this.data.ys.map((one) => one.values), this.zoom.x, 0.06) ?? this.full.y;
    return { x: this.zoom.x, y };
  }

  label(axis) {
    const { name } = axis === "x" ? this.data.x : { name: this.data.ys.map((y) => y.name).join(", ") };
    const unit = this.units[axis].unit;
    return unit ? `${name} (${unit})` : name;
  }

  options() {
    const { colours } = this;
    const axis = (which, size) => ({
      label: () => this.label(which), labelSize: 22, labelFont: colours.font, font: colours.font, stroke: colours.text, size,
      grid: { stroke: colours.grid, width: 1 }, ticks: { stroke: colours.border, width: 1, size: 4 },
      values: (_, splits) => {
        const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) : 1;
        const { factor } = this.units[which];
        const digits = digitsOf(step * factor);
        const wide = Math.max(...splits.map(Math.abs)) * factor;
        return splits.map((value) => (wide >= 1e6 || wide < 1e-4 ? number(value * factor, 4) : (Math.abs(value) < step * 1e-9 ? 0 : value * factor).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "\u2212")));
      },
    });
    return {
      ...this.size(), pxAlign: 0, legend: { show: false }, padding: [12, (plot) => (plot.width < 560 || this.data.ys[0]?.unlabelled ? 20 : 80), 0, 0],
      scales: { x: { time: false, range: () => this.shownRange().x }, y: { range: () => this.shownRange().y } },
      axes: [axis("x", 34), axis("y", (_, values) => Math.max(44, 14 + 7 * Math.max(0, ...(values ?? []).map((text) => String(text).length))))],
      series: [{}, ...this.data.ys.map((y) => ({ label: y.name, paths: () => null, points: { show: false } }))],
      cursor: {
        drag: { x: true, y: true, uni: 30, setScale: false },
        dataIdx: (plot, series) => (series === 0 ? null : nearest(plot, this.data.x.values, this.data.ys[series - 1]?.values)),
        points: { size: 7, width: 0, fill: (_, series) => colours.series[(series - 1) % 5] },
      },
      hooks: {
        drawSeries: [(plot, series) => drawSeries(plot, this.data.x.values, this.data.ys[series - 1].values, colours.series[(series - 1) % 5])],
        draw: [(plot) => this.data.ys.forEach((y, i) => drawLast(plot, this.data.x.values, y, this.units.y, colours, colours.series[i % 5]))],
        setSelect: [(plot) => this.select(plot)],
        setCursor: [(plot) => this.onCursor?.(plot.cursor.left >= 0 ? nearest(plot, this.data.x.values, this.data.ys[0]?.values) : null)],
      },
    };
  }

  select(plot) {
    const { left, top, width, height } = plot.select;
    if (width < 4 && height < 4) return;
    const whole = plot.over.getBoundingClientRect();
    const shown = this.shownRange();
    const x = width >= 4 ? [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")] : shown.x;
    const y = height >= 4 && height < whole.height - 2 ? [plot.posToVal(top + height, "y"), plot.posToVal(top, "y")] : null;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.setZoom({ x, y });
  }

  wheel(event) {
    event.preventDefault();
    const factor = Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.004);
    const at = this.plot.posToVal(event.clientX - this.plot.over.getBoundingClientRect().left, "x");
    const [low, high] = this.shownRange().x;
    let x = [at - (at - low) * factor, at + (high - at) * factor];
    x = [Math.max(x[0], this.full.x[0]), Math.min(x[1], this.full.x[1])];
    const whole = x[0] <= this.full.x[0] && x[1] >= this.full.x[1];
    if (x[1] - x[0] > (this.full.x[1] - this.full.x[0]) * 1e-6) this.setZoom(whole ? null : { x, y: this.zoom?.y ?? null });
  }

  setZoom(zoom) {
    this.zoom = zoom;
    if (this.plot) this.redraw();
    this.onZoom?.(zoom);
  }
}

/** Decimals that tell ticks `step` apart: 1 for 2.5. */
function digitsOf(step) {
  for (let digits = 0; digits < 8; digits++) {
    const scaled = step * 10 ** digits;
    if (scaled >= 0.999 && Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return digits;
  }
  return 8;
}

export const chartMessage = (text) => h("div", { class: "empty" }, h("p", {}, text));
