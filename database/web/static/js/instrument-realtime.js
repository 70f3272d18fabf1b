// Instruments, live: state, position, target, value.

import { get } from "./api.js";

/** One instrument, or all with instrumentId null. Handler: onInstrument(instrument, {changed, event}). */
export class InstrumentRealtimeManager {
  constructor(instrumentId = null, { realtime = window.pybirch?.realtime, onInstrument, onList } = {}) {
    Object.assign(this, { instrumentId, realtime, onInstrument, onList });
    this.instruments = new Map();
    this.heardAt = new Map();
    this.ends = [];
  }

  get room() {
    return this.instrumentId === null ? "instruments" : `instrument_${this.instrumentId}`;
  }

  start(initial = null) {
    if (initial) this.takeList(initial);
    this.ends.push(
      this.realtime.onInstrumentStatus((event) => this.take(event, "status")),
      this.realtime.onInstrumentPosition((event) => this.take(event, "position")),
      this.realtime.onRefresh(() => this.refresh()),
    );
    void this.realtime.subscribe(this.room);
    return this;
  }

  stop() {
    for (const end of this.ends) end();
    this.realtime.unsubscribe(this.room);
  }

  async refresh() {
    const asked = Date.now();
    this.takeList(await get("/api/instruments/status", { timeout: 8000 }), asked);
  }

  takeList(list, asked = Date.now()) {
    const wanted = this.instrumentId === null ? list : list.filter((one) => one.instrument_id === this.instrumentId);
    for (const one of wanted) {
      const held = this.instruments.get(one.instrument_id);
      const live = held && (this.heardAt.get(one.instrument_id) ?? 0) > asked;
      this.instruments.set(one.instrument_id, live ? { ...one, ...pick(held) } : one);
    }
    this.onList?.([...this.instruments.values()]);
  }

  take(event, kind) {
    if (this.instrumentId !== null && event.instrument_id !== this.instrumentId) return;
    const held = this.instruments.get(event.instrument_id);
    if (!held) {
      if (this.instrumentId === null) this.refreshSoon();
      return;
    }
    this.heardAt.set(event.instrument_id, Date.now());
    const next = { ...held, updated_at: event.timestamp };
    if (event.position) next.position = event.position;
    if (event.target !== undefined) next.target = event.target;
    if (kind === "position") next.status = event.is_moving ? "moving" : held.status === "moving" ? "idle" : held.status;
    else Object.assign(next, { status: event.status, error: event.error ?? null, value: event.value ?? held.value });
    this.instruments.set(event.instrument_id, next);
    this.onInstrument?.(next, { changed: next.status !== held.status, event });
  }

  refreshSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh().catch(() => {}), 300);
  }
}

const pick = ({ status, position, target, value, error, updated_at }) => ({ status, position, target, value, error, updated_at });

window.InstrumentRealtimeManager = InstrumentRealtimeManager;
