// What an instrument's first number did since the page was opened.

import { LiveChart } from "./chart.js";
import { splitColumn } from "./format.js";
import { unitOf } from "./instrument-view.js";

const MOST = 5000;

export class Trend {
  /** `panel` is shown with the first two points. */
  constructor(panel, box) {
    Object.assign(this, { panel, times: [], values: [], name: null });
    this.chart = new LiveChart(box);
  }

  add(instrument, timestamp) {
    const place = 0;
    const [name, value] = Object.entries(instrument.position ?? instrument.value ?? {})[place] ?? [];
    if (typeof value !== "number") return;
    if (name !== this.name) Object.assign(this, { name, times: [], values: [] });
    const at = Date.parse(timestamp) / 1000;
    if (at <= (this.times.at(-1) ?? 0)) return;
    this.times.push(at);
    this.values.push(value);
    if (this.times.length > MOST) {
      this.times.shift();
      this.values.shift();
    }
    if (this.times.length < 2) return;
    this.panel.hidden = false;
    this.chart.show({
      x: { name: "time since this page was opened", unit: "s", values: Float64Array.from(this.times, (time) => time - this.times[0]) },
      ys: [{ name: splitColumn(name).name, unit: unitOf(instrument, name, place), values: Float64Array.from(this.values) }],
    });
  }
}
