import { get } from "../api.js";
import { badge, byId, empty, fill, h, initialData, middle, progressBar, setProgress, setText, showBadge, stateMark, tint } from "../dom.js";
import { absolute, ago, clock, clockIn, count, duration, learnServerTime, percent, plural, quantity, splitColumn } from "../format.js";
import { firstScan, ownLab } from "../first-steps.js";
import { unitOf } from "../instrument-view.js";
import { InstrumentRealtimeManager } from "../instrument-realtime.js";
import { LiveList } from "../live-list.js";
import { elapsed, isActive, pointsToBe, remaining, scanPoints, scanShare } from "../progress.js";
import { movedOn, queueBar, queueRemaining, tallyOf, tallyText } from "../queue-outlook.js";
import { scanHref } from "../scan-rows.js";
import { realtime, start } from "../shell.js";
import { isSilent, onStations, stationOf, stations, takeStations } from "../stations.js";

const scans = new Map();
const queues = new Map();
const heardAt = new Map();

function scanRow() {
  const title = h("a", { class: "title" });
  const state = h("span", {});
  const bar = progressBar(0);
  const sub = h("div", { class: "sub" });
  const end = h("span", { class: "end muted small-text number" });
  const element = h("div", { class: "live-row goes-stale" }, h("div", { class: "line" }, h("span", { class: "grow cut" }, title), end, state), bar, sub);
  return {
    element,
    show(scan) {
      if (title.dataset.name !== scan.name) {
        title.dataset.name = scan.name;
        title.href = scanHref(scan);
        fill(title, middle(scan.name || scan.scan_id, 14));
      }
      showBadge(state, scan.status);
      const share = scanShare(scan);
      bar.hidden = !isActive(scan.status);
      setProgress(bar, share, scan.status);
      const left = remaining(scan);
      if (!isActive(scan.status)) {
        if (end.dataset.at !== scan.finished_at) {
          end.dataset.at = scan.finished_at;
          fill(end, scan.finished_at ? ago(scan.finished_at) : "");
        }
      } else setText(end, Number.isFinite(left) ? `ends ${clockIn(left)}` : "");
      const points = pointsToBe(scan) ? `${pointsToBe(scan).most ? "at most" : `${count(scanPoints(scan))} of`} ${plural(scan.points_total, "point")}` : plural(scanPoints(scan), "point");
      const facts = isActive(scan.status) ? [percent(share), points, Number.isFinite(left) ? `${duration(left)} left` : null]
        : [points, Number.isFinite(elapsed(scan)) ? duration(elapsed(scan)) : null, scan.status === "failed" ? scan.error || scan.message : null];
      const text = [scan.requested ? `${scan.requested} asked` : null, ...facts, scan.project].filter(Boolean);
      if (sub.dataset.text !== text.join("|")) {
        sub.dataset.text = text.join("|");
        fill(sub, text.map((one) => h("span", { class: "cut" }, one)));
      }
    },
  };
}

function queueRow() {
  const title = h("a", { class: "title" });
  const state = h("span", {});
  const bar = progressBar(0);
  const sub = h("div", { class: "sub" });
  const end = h("span", { class: "end muted small-text number" });
  const element = h("div", { class: "live-row goes-stale" }, h("div", { class: "line" }, h("span", { class: "grow cut" }, title), end, state), bar, sub);
  return {
    element,
    show(queue) {
      if (title.dataset.name !== (queue.name || queue.queue_id)) {
        title.dataset.name = queue.name || queue.queue_id;
        title.href = `/queues/${encodeURIComponent(queue.queue_id)}`;
        fill(title, middle(queue.name || queue.queue_id, 14));
      }
      showBadge(state, queue.status);
      element.classList.toggle("is-stale", isSilent(stationOf(queue.queue_id, queue.station)));
      const active = [...scans.values()].filter((scan) => scan.queue_id === queue.queue_id && isActive(scan.status));
      const { share, state: barState } = queueBar(queue, active);
      setProgress(bar, share, barState);
      const seconds = queueRemaining(queue, active);
      const known = Number.isFinite(seconds);
      setText(end, known ? `ends about ${clockIn(seconds)}` : "");
      const text = [tallyText(tallyOf(queue)), active.length ? `now: ${active.map((scan) => scan.name).join(", ")}` : null, known ? `about ${duration(seconds)} left` : null].filter(Boolean);
      if (sub.dataset.text !== text.join("|")) {
        sub.dataset.text = text.join("|");
        fill(sub, text.map((one) => h("span", { class: "cut" }, one)));
      }
    },
  };
}

function instrumentRow() {
  const mark = h("span", {});
  const name = h("a", { class: "cut" });
  const value = h("span", { class: "number muted" });
  const element = h("div", { class: "compact-row goes-stale" }, mark, h("span", { class: "grow cut" }, name), value);
  let shown = null;
  return {
    element,
    show(one) {
      setText(name, one.nickname || one.name);
      name.href = `/instruments/${one.instrument_id}`;
      name.title = one.name;
      if (shown !== one.status) {
        fill(mark, stateMark(one.status));
        if (shown !== null && (one.status === "error" || shown === "error")) tint(element);
        shown = one.status;
      }
      const [first] = Object.entries(one.position ?? one.value ?? {});
      const text = first && typeof first[1] === "number" ? quantity(first[1], splitColumn(first[0]).unit || unitOf(one, first[0], 0), 4, one.status !== "moving" && Boolean(one.position)) : null;
      const off = one.status === "disconnected";
      setText(value, text ? `${off ? "last " : ""}${text}` : off || one.status === "error" ? one.status : "");
    },
  };
}

const hint = () => firstScan([...queues.values()]);
const queueList = new LiveList(byId("running-queues"), { id: (queue) => queue.queue_id, make: queueRow, empty: () => empty("list-task", "No queues yet", ...ownLab()) });
const scanList = new LiveList(byId("running-scans"), { id: (scan) => scan.scan_id, make: scanRow, empty: () => empty("graph-up", "No scan has run yet", ...hint()), emptyKey: () => hint().map((part) => part.textContent ?? part).join("") });
const instrumentList = new LiveList(byId("instrument-status-summary"), { id: (one) => one.instrument_id, make: instrumentRow, empty: () => empty("cpu", "No instruments yet", "They appear when a station connects.") });

const ORDER = { running: 0, paused: 1, stopping: 1, queued: 2 };
const rank = (one) => ORDER[one.status] ?? 3;

function showScans() {
  const byTime = (a, b) => String(b.finished_at ?? b.started_at ?? b.created_at).localeCompare(String(a.finished_at ?? a.started_at ?? a.created_at));
  const list = [...scans.values()].filter((scan) => scan.status !== "queued").sort((a, b) => rank(a) - rank(b) || byTime(a, b));
  scanList.show(list.slice(0, Math.max(8, list.filter((scan) => isActive(scan.status)).length)));
}

function showQueues() {
  queueList.show([...queues.values()].sort((a, b) => rank(a) - rank(b) || String(b.created_at).localeCompare(String(a.created_at))).slice(0, 12));
  const running = [...queues.values()].filter((queue) => queue.status === "running").length;
  setText(byId("lab-summary"), running ? `${plural(running, "queue")} running` : "");
}

function showStations() {
  const box = byId("stations");
  if (stations.size === 0) {
    fill(box, empty("hdd-network", "No station", "A station is the process that owns the instruments: ", h("code", {}, "pybirch station my_lab.py")));
    return;
  }
  const key = [...stations.values()].map((one) => `${one.name}${one.state}${one.kept || ""}${one.state === "live" ? "" : one.last_heard}`).join();
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  fill(box, [...stations.values()].map((one) => h("div", { class: "compact-row" }, h("span", { class: "grow cut", title: one.host ? `process ${one.pid} on ${one.host}` : null }, one.name),
    one.kept > 0 && h("span", { class: "muted small-text", title: "The database or server does not take them now; they wait on this station's disk and are sent as soon as it does" }, `${plural(one.kept, "reading")} to be sent`),
    one.state !== "live" && h("span", { class: "muted small-text" }, ago(one.last_heard)), badge(one.state))));
}

function note(timestamp, state, name, href, text) {
  const list = byId("live-activity");
  list.querySelector(".empty-line")?.remove();
  list.prepend(h("li", {}, h("time", { datetime: timestamp, title: absolute(timestamp) }, clock(timestamp, true)),
    h("span", {}, stateMark(state), " ", h("a", { href }, name), ` ${text}`)));
  while (list.children.length > 30) list.lastElementChild.remove();
}

function take(overview, asked = Date.now()) {
  learnServerTime(overview.now);
  const merge = (map, list, key) => {
    for (const one of list) {
      const held = map.get(one[key]);
      map.set(one[key], held && (heardAt.get(one[key]) ?? 0) > asked ? { ...one, status: held.status, progress: held.progress } : one);
    }
  };
  const gone = new Set(queues.keys());
  for (const queue of overview.queues) gone.delete(queue.queue_id);
  for (const id of gone) queues.delete(id);
  merge(queues, overview.queues, "queue_id");
  merge(scans, overview.scans, "scan_id");
  instruments.takeList(overview.instruments, asked);
  takeStations(overview.stations ?? [], asked);
  showScans();
  showQueues();
}

async function refresh() {
  const asked = Date.now();
  const [overview, recent] = await Promise.all([get("/api/overview", { timeout: 4000 }), get("/api/scans?sort=-started_at&limit=8", { timeout: 4000 })]);
  const told = new Set(overview.scans.map((scan) => scan.scan_id));
  take({ ...overview, scans: [...overview.scans, ...recent.items.filter((scan) => !told.has(scan.scan_id))] }, asked);
}

let soon = null;
function refreshSoon() {
  soon ??= setTimeout(() => {
    soon = null;
    void refresh().catch(() => {});
  }, 300);
}

realtime.onScanStatus((event) => {
  heardAt.set(event.scan_id, Date.now());
  const held = scans.get(event.scan_id);
  if (!held || held.status !== event.status) {
    refreshSoon();
    if (held || event.status !== "queued") note(event.timestamp, event.status, held?.name ?? "A scan", scanHref(event), event.status === "failed" && event.message ? `failed: ${event.message}` : event.status);
  }
  if (!held) return;
  const queue = queues.get(held.queue_id);
  if (queue) queue.scan_states = movedOn(queue.scan_states, held.status, event.status);
  scans.set(event.scan_id, { ...held, status: event.status, progress: event.progress ?? held.progress, message: event.message ?? held.message, requested: event.requested ?? null });
  showScans();
  showQueues();
});
realtime.onQueueStatus((event) => {
  heardAt.set(event.queue_id, Date.now());
  const held = queues.get(event.queue_id);
  if (!held) {
    refreshSoon();
    return;
  }
  if (held.status !== event.status) note(event.timestamp, event.status, held.name || event.queue_id, `/queues/${encodeURIComponent(event.queue_id)}`, event.status);
  if (held.status !== event.status || (event.total_scans ?? held.total_scans) !== held.total_scans) refreshSoon();
  queues.set(event.queue_id, { ...held, status: event.status, current_scan: event.current_scan });
  showQueues();
});

const instruments = new InstrumentRealtimeManager(null, { realtime, onList: (list) => instrumentList.show(list), onInstrument: (one) => instrumentList.update(one) });
instruments.refresh = refresh;
fill(byId("live-activity"), h("li", { class: "empty-line muted" }, "What changes from now on is told here."));
const initial = initialData();
if (initial) take(initial);
onStations(() => {
  showStations();
  showQueues();
});
start({ overview: false });
instruments.start();
setInterval(() => {
  showScans();
  showQueues();
}, 1000);
window.pybirch.dashboard = { scans, queues, instruments };
