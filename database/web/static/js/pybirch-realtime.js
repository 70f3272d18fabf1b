// The live connection: Socket.IO over WebSocket, our own reconnecting, REST polling when it is blocked.

import { get } from "./api.js";

const DELAYS = [1, 2, 4, 8, 16, 30];
const POLL_EVERY = 2000;
const STALE_AFTER = 5;
const EVENTS = {
  onScanStatus: "scan_status", onQueueStatus: "queue_status", onDataPoint: "data_point", onInstrumentStatus: "instrument_status",
  onDataBlock: "data_block", onQueueLog: "queue_log", onInstrumentPosition: "instrument_position", onStationStatus: "station_status",
};

/** "queue_iv" -> the event that subscribes and what it says. */
function roomRequest(room) {
  if (room === "instruments") return { noun: "instruments", payload: {} };
  for (const noun of ["scan", "queue", "instrument"]) {
    if (!room.startsWith(`${noun}_`)) continue;
    const id = room.slice(noun.length + 1);
    if (noun === "scan" && id.endsWith("_blocks")) return { noun, payload: { scan_id: id.slice(0, -7), blocks: true } };
    return { noun, payload: { [`${noun}_id`]: noun === "instrument" ? Number(id) : id } };
  }
  return null;
}

/**
 * States: connecting, live, reconnecting, polling (sockets blocked, REST every 2 s), stale (nothing answers).
 * After every return of the connection the subscriptions are renewed and the refreshers run.
 */
export class PyBirchRealtime {
  #handlers = new Map();
  #rooms = new Map();
  #refreshers = new Set();
  #listeners = new Set();
  #timers = {};
  #wanted = false;
  #attempt = 0;
  #silence = 12_000;

  constructor({ io = window.io, probe = () => get("/api/overview", { timeout: 4000 }) } = {}) {
    this.io = io;
    this.probe = probe;
    this.state = "connecting";
    this.lastHeard = Date.now();
    this.socket = null;
    this.reconnects = 0;
    for (const [method, event] of Object.entries(EVENTS)) this[method] = (handler) => this.on(event, handler);
  }

  connect() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#open();
    this.#timers.watch = setInterval(() => this.#watch(), 1000);
    window.addEventListener("online", () => this.#hurry());
    window.addEventListener("offline", () => this.socket?.connected && this.#lost());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#hurry());
  }

  disconnect() {
    this.#wanted = false;
    clearInterval(this.#timers.watch);
    clearTimeout(this.#timers.retry);
    clearInterval(this.#timers.poll);
    this.#timers.poll = null;
    this.#close();
    this.#become("stale");
  }

  /** Listen to an event by its wire name; returns what ends it. */
  on(event, handler) {
    if (!this.#handlers.has(event)) this.#handlers.set(event, new Set());
    this.#handlers.get(event).add(handler);
    return () => this.#handlers.get(event).delete(handler);
  }

  /** Be told of every change of state: (state, ageInSeconds). */
  onState(listener) {
    this.#listeners.add(listener);
    listener(this.state, this.age);
  }

  /** `refresh` brings the page up to date over REST: after each connect, and every 2 s while polling. */
  onRefresh(refresh) {
    this.#refreshers.add(refresh);
    return () => this.#refreshers.delete(refresh);
  }

  /** Join a room now and after every reconnect; `payload()` adds to the request, `onAnswer` gets the acknowledgement. */
  async subscribe(room, { payload = null, onAnswer = null } = {}) {
    this.#rooms.set(room, { payload, onAnswer });
    return this.socket?.connected ? this.#join(room) : null;
  }

  unsubscribe(room) {
    this.#rooms.delete(room);
    const request = roomRequest(room);
    if (request && this.socket?.connected) this.socket.emit(`unsubscribe_${request.noun}`, request.payload);
  }

  /** Seconds since anything was heard. */
  get age() {
    return (Date.now() - this.lastHeard) / 1000;
  }

  get isLive() {
    return this.state === "live";
  }

  async #join(room) {
    const request = roomRequest(room);
    const wish = this.#rooms.get(room);
    if (!request || !wish) return null;
    let answer;
    try {
      answer = await this.socket.timeout(5000).emitWithAck(`subscribe_${request.noun}`, { ...request.payload, ...(wish.payload?.() ?? {}) });
    } catch {
      if (this.socket?.connected) this.#lost();
      return null;
    }
    wish.onAnswer?.(answer);
    return answer;
  }

  #open() {
    if (!this.#wanted || this.socket) return;
    const socket = this.io({ transports: ["websocket"], reconnection: false, forceNew: true, timeout: 5000, autoConnect: false });
    this.socket = socket;
    const current = () => this.socket === socket;
    socket.on("connect", () => current() && this.#connected());
    socket.on("disconnect", () => current() && this.#lost());
    socket.on("connect_error", () => current() && this.#lost());
    socket.onAny((event, payload) => current() && this.#dispatch(event, payload));
    socket.connect();
    const engine = socket.io.engine;
    engine?.on("handshake", (data) => (this.#silence = (data.pingInterval ?? 10_000) + 2000));
    engine?.on("packet", () => (this.lastHeard = Date.now()));
  }

  #close() {
    const socket = this.socket;
    this.socket = null;
    socket?.removeAllListeners();
    socket?.disconnect();
  }

  #connected() {
    if (this.state !== "connecting") this.reconnects++;
    this.#attempt = 0;
    this.lastHeard = Date.now();
    clearInterval(this.#timers.poll);
    this.#timers.poll = null;
    this.#become("live");
    for (const room of this.#rooms.keys()) void this.#join(room);
    void this.#refresh();
  }

  #lost() {
    this.#close();
    if (!this.#wanted) return;
    const delay = DELAYS[Math.min(this.#attempt++, DELAYS.length - 1)];
    clearTimeout(this.#timers.retry);
    this.#timers.retry = setTimeout(() => this.#open(), delay * 1000);
    if (this.state === "live") this.#become("reconnecting");
    if (this.#attempt > 1 && !this.#timers.poll) {
      this.#timers.poll = setInterval(() => void this.#poll(), POLL_EVERY);
      void this.#poll();
    }
  }

  /** The network may be back: try now rather than at the end of the delay. */
  #hurry() {
    if (!this.#wanted || this.socket) return;
    clearTimeout(this.#timers.retry);
    this.#attempt = Math.min(this.#attempt, 1);
    this.#open();
  }

  async #poll() {
    if (this.polling) return;
    this.polling = true;
    const answered = await this.#refresh();
    this.polling = false;
    if (this.state === "live" || !this.#timers.poll) return;
    if (answered) this.#become("polling");
    else this.#become(this.age > STALE_AFTER ? "stale" : "reconnecting");
  }

  async #refresh() {
    const jobs = this.#refreshers.size ? [...this.#refreshers].map((refresh) => refresh()) : [this.probe()];
    const results = await Promise.allSettled(jobs);
    const answered = results.some((result) => result.status === "fulfilled" || result.reason?.status > 0);
    if (answered) this.lastHeard = Date.now();
    return answered;
  }

  #watch() {
    if (this.socket?.connected && Date.now() - this.lastHeard > this.#silence) this.#lost();
    if (this.state === "reconnecting" && this.age > STALE_AFTER) this.#become("stale");
    for (const listener of this.#listeners) listener(this.state, this.age);
  }

  #dispatch(event, payload) {
    this.lastHeard = Date.now();
    for (const handler of this.#handlers.get(event) ?? []) handler(payload);
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    for (const listener of this.#listeners) listener(state, this.age);
  }
}

window.PyBirchRealtime = PyBirchRealtime;
