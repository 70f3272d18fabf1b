// One queue, live: its state, its scans' states and progress, its log, each line once.

import { get, path, withQuery } from "./api.js";
import { statesOf } from "./queue-outlook.js";

/** Handlers: onQueue(queue), onScan(scan), onLog(lines). */
export class QueueRealtimeManager {
  constructor(queueId, { realtime = window.pybirch?.realtime, onQueue, onScan, onLog } = {}) {
    Object.assign(this, { queueId, realtime, onQueue, onScan, onLog });
    this.queue = null;
    this.scans = new Map();
    this.heardAt = new Map();
    this.lastLogId = 0;
    this.unread = [];
    this.logSeen = new Set();
    this.ends = [];
  }

  start(initial = null) {
    if (initial) this.take(initial);
    this.ends.push(
      this.realtime.onQueueStatus((event) => event.queue_id === this.queueId && this.takeStatus(event)),
      this.realtime.onScanStatus((event) => this.takeScanStatus(event)),
      this.realtime.onQueueLog((event) => event.queue_id === this.queueId && this.takeLog(event)),
      this.realtime.onRefresh(() => this.refresh()),
    );
    void this.realtime.subscribe(`queue_${this.queueId}`);
    return this;
  }

  stop() {
    for (const end of this.ends) end();
    this.realtime.unsubscribe(`queue_${this.queueId}`);
  }

  async refresh() {
    const asked = Date.now();
    const [queue] = await Promise.all([get(path("queue", this.queueId), { timeout: 8000 }), this.fetchLog()]);
    this.take(queue, asked);
    return queue;
  }

  /** A whole queue as REST tells it; what was heard live since it was asked for wins. */
  take(queue, asked = Date.now()) {
    const live = (this.heardAt.get("queue") ?? 0) > asked;
    const { scans = null, ...rest } = queue;
    this.queue = { ...this.queue, ...rest, ...(live ? { status: this.queue.status } : {}) };
    if (scans) {
      const known = this.scans;
      this.scans = new Map(scans.map((scan) => {
        const held = known.get(scan.scan_id);
        return [scan.scan_id, held && (this.heardAt.get(scan.scan_id) ?? 0) > asked ? { ...scan, status: held.status, progress: held.progress } : scan];
      }));
      this.queue.scan_states = statesOf(this.scans.values());
    }
    this.onQueue?.(this.queue, [...this.scans.values()]);
  }

  takeStatus(event) {
    this.heardAt.set("queue", Date.now());
    const more = event.total_scans !== null && event.total_scans !== undefined && event.total_scans !== this.scans.size;
    for (const key of ["status", "current_scan"]) {
      if (event[key] !== undefined && (event[key] !== null || key === "current_scan")) this.queue = { ...this.queue, [key]: event[key] };
    }
    this.onQueue?.(this.queue, [...this.scans.values()]);
    if (more) this.refreshSoon();
  }

  refreshSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh().catch(() => {}), 200);
  }

  takeScanStatus(event) {
    const held = this.scans.get(event.scan_id);
    if (!held) return;
    this.heardAt.set(event.scan_id, Date.now());
    const changed = held.status !== event.status;
    const scan = { ...held, status: event.status, progress: event.progress ?? held.progress, message: event.message ?? (changed || event.status === "queued" ? null : held.message), requested: event.requested ?? null };
    this.scans.set(event.scan_id, scan);
    this.queue = { ...this.queue, scan_states: statesOf(this.scans.values()) };
    this.onScan?.(scan, changed);
    if (changed) this.refreshSoon();
  }

  /** A live line is shown at once; the record, read at each connect, brings what was missed. */
  takeLog(event) {
    const key = lineKey(event);
    if (this.logSeen.has(key)) return;
    this.logSeen.add(key);
    this.onLog?.([event]);
    this.refreshSoon();  // every edit leaves a line
  }

  async fetchLog() {
    const answer = await get(withQuery(path("queue", this.queueId, "logs"), { limit: 500, after_id: this.lastLogId || null }), { timeout: 8000 });
    const lines = [...answer.items].sort((a, b) => a.id - b.id);
    if (lines.length) this.lastLogId = lines.at(-1).id;
    const fresh = lines.filter((line) => !this.logSeen.has(lineKey(line)));
    for (const line of fresh) this.logSeen.add(lineKey(line));
    if (fresh.length) this.onLog?.(fresh);
  }
}

/** Live lines carry no number: the same moment (to the ms) with the same words is the same line. */
const lineKey = (line) => `${Date.parse(line.timestamp)} ${line.level} ${line.message}`;

window.QueueRealtimeManager = QueueRealtimeManager;
