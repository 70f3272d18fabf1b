// Of a scan too long to hold whole, the part that is zoomed into is fetched more finely.

import { get, path, withQuery } from "./api.js";
import { decodeBlock } from "./columns.js";
import { MeasurementStore } from "./measurement-store.js";

export class ZoomDetail {
  constructor(manager, onReady) {
    Object.assign(this, { manager, onReady, held: null, asked: null });
  }

  /** A finer store of the rows whose x lies in `span`, once it is there; null until then, and where x goes back and forth. */
  within(store, x, span) {
    let from = 0;
    let to = x.length;
    for (let i = 1; i < x.length; i++) if (x[i] < x[i - 1]) return null;
    while (from < x.length && x[from] < span[0]) from++;
    while (to > from && x[to - 1] > span[1]) to--;
    const indexes = store.index.all();
    const start = indexes[Math.max(0, from - 1)];
    const end = to < x.length ? indexes[to] + 1 : store.end;
    const key = `${store.name} ${start} ${end}`;
    if (this.held?.key === key) return this.held.store;
    if (this.asked !== key) this.ask(key, store.name, start, end);
    return null;
  }

  ask(key, measurement, start, end) {
    this.asked = key;
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      try {
        const answer = await get(withQuery(path("scan", this.manager.scanId, "data", measurement), {
          start, end, max_points: this.manager.config.maxPoints?.() ?? 2000, format: "float64",
        }));
        if (this.asked !== key) return;
        const part = new MeasurementStore(measurement);
        part.startAt(start);
        part.append(decodeBlock(answer));
        this.held = { key, store: part };
        this.onReady();
      } catch {
        this.asked = null;
      }
    }, 150);
  }
}
