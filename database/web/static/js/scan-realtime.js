// One scan, live: every reading once and in order, whatever the connection does.

import { get, path, withQuery } from "./api.js";
import { decodeBlock } from "./columns.js";
import { MeasurementStore } from "./measurement-store.js";

const MOST_POINTS = 20_000;
const MOST_ARRAY_VALUES = 1_000_000;
/** Of a decimated fetch the newest readings come whole, for the table. */
const WHOLE_TAIL = 200;
const RETRY_AFTER = 1000;

/**
 * @param {string} scanId
 * @param {object} chartConfig {realtime, maxPoints(), onData(measurement), onStatus(scan_status), onScan(scan)}
 *
 * Blocks that arrive while older readings are being fetched wait; doubles are dropped by index; a
 * gap is fetched. `counts` tells how often, for tests and the curious.
 */
export class ScanRealtimeManager {
  constructor(scanId, chartConfig = {}) {
    this.scanId = scanId;
    this.config = chartConfig;
    this.realtime = chartConfig.realtime ?? window.pybirch?.realtime;
    this.stores = new Map();
    this.waiting = new Map();
    this.fetching = new Map();
    this.counts = { blocks: 0, doubles: 0, gaps: 0, fetches: 0 };
    this.ends = [];
  }

  start() {
    const mine = (handler) => (event) => event.scan_id === this.scanId && handler(event);
    this.ends.push(
      this.realtime.onDataBlock(mine((event) => this.takeBlock(event))),
      this.realtime.onScanStatus(mine((event) => this.config.onStatus?.(event))),
      this.realtime.onRefresh(() => this.refresh()),
    );
    void this.realtime.subscribe(`scan_${this.scanId}`, {
      payload: () => ({ blocks: true, after: this.lastIndexes() }),
      onAnswer: (answer) => answer?.ok && this.catchUp(answer.last ?? {}),
    });
    return this;
  }

  stop() {
    for (const end of this.ends) end();
    this.ends = [];
    this.realtime.unsubscribe(`scan_${this.scanId}`);
  }

  store(measurement) {
    if (!this.stores.has(measurement)) this.stores.set(measurement, new MeasurementStore(measurement));
    return this.stores.get(measurement);
  }

  points(measurement) {
    return this.stores.get(measurement)?.points ?? 0;
  }

  /** Points less those that were measured again. */
  shown(measurement) {
    return this.stores.get(measurement)?.shown ?? 0;
  }

  indexes(measurement) {
    return this.stores.get(measurement)?.indexes() ?? [];
  }

  get pointsDone() {
    let sum = 0;
    for (const store of this.stores.values()) sum += store.points;
    return sum;
  }

  /** How many points were measured again after a rewind. */
  get pointsRepeated() {
    let sum = 0;
    for (const store of this.stores.values()) sum += store.repeated;
    return sum;
  }

  lastIndexes() {
    return Object.fromEntries([...this.stores.values()].map((store) => [store.name, store.end - 1]));
  }

  /** What the record says now; also how the page lives while it is polling. */
  async refresh() {
    const asked = Date.now();
    const scan = await get(path("scan", this.scanId), { timeout: 8000 });
    this.config.onScan?.(scan, asked);
    this.describe(scan.measurements ?? []);
    await this.catchUp(Object.fromEntries((scan.measurements ?? []).map((one) => [one.name, one.last_index])));
    return scan;
  }

  /** Learn the measurements from a scan's JSON, so that large arrays are fetched from the end only. */
  describe(measurements) {
    for (const one of measurements) {
      const store = this.store(one.name);
      const width = (one.columns ?? []).reduce((sum, column) => sum + widthOf(column.shape), 0);
      store.hasArrays = (one.columns ?? []).some((column) => widthOf(column.shape) > 1);
      const most = Math.max(50, Math.floor(MOST_ARRAY_VALUES / Math.max(1, width)));
      if (store.hasArrays && one.last_index + 1 > most) store.startAt(one.last_index + 1 - most);
    }
  }

  /** Fetch what lies between what is held and these last indexes. */
  catchUp(last) {
    return Promise.all(Object.entries(last).map(([measurement, index]) => {
      const store = this.store(measurement);
      return index + 1 > store.end ? this.fetchUpTo(measurement, index + 1) : null;
    }));
  }

  takeBlock(event) {
    this.counts.blocks++;
    if (this.fetching.has(event.measurement)) {
      if (!this.waiting.has(event.measurement)) this.waiting.set(event.measurement, []);
      this.waiting.get(event.measurement).push(event);
      return;
    }
    this.apply(event.measurement, decodeBlock(event));
  }

  apply(measurement, block) {
    const result = this.store(measurement).append(block);
    if (result === "double") this.counts.doubles++;
    if (result === "gap") {
      this.counts.gaps++;
      void this.fetchUpTo(measurement, block.end);
    }
    if (result === "new") this.config.onData?.(measurement);
  }

  /** One fetch at a time for a measurement; blocks that come meanwhile wait and follow it. */
  fetchUpTo(measurement, end) {
    const running = this.fetching.get(measurement);
    if (running) {
      running.end = Math.max(running.end, end);
      return running.done;
    }
    const job = { end };
    this.fetching.set(measurement, job);
    job.done = this.#fetch(measurement, job).finally(() => {
      this.fetching.delete(measurement);
      const waiting = this.waiting.get(measurement) ?? [];
      this.waiting.delete(measurement);
      for (const event of waiting.sort((a, b) => a.first_index - b.first_index)) this.takeBlock(event);
    });
    return job.done;
  }

  async #fetch(measurement, job) {
    const store = this.store(measurement);
    for (let failures = 0; store.end < job.end && failures < 3; ) {
      this.counts.fetches++;
      const lacking = job.end - store.end;
      const decimate = lacking > MOST_POINTS && !store.hasArrays;
      const before = store.end;
      try {
        const answer = await get(withQuery(path("scan", this.scanId, "data", measurement), {
          start: store.end, end: decimate ? job.end - WHOLE_TAIL : null, max_points: decimate ? this.config.maxPoints?.() ?? 2000 : null, format: "float64", all: decimate ? null : 1,
        }), { timeout: 30_000 });
        const block = decodeBlock(answer);
        if (block.end > block.first) this.apply(measurement, block);
      } catch (error) {
        if (error.status === 404 || error.status === 401 || error.status === 403) return;
      }
      if (store.end === before && ++failures < 3) await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER));
    }
  }
}

/** Values in one reading of a column: its shape is [], [k] or, in a block, [n] or [n, k]. */
function widthOf(shape) {
  if (!Array.isArray(shape) || shape.length === 0) return 1;
  return shape.at(-1) ?? 2048;
}

window.ScanRealtimeManager = ScanRealtimeManager;
