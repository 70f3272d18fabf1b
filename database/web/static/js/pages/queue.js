import { bindActions, mayOperate, rowAction, showActions } from "../actions.js";
import { byId, empty, fill, h, initialData, progressBar, setProgress, setText, showBadge } from "../dom.js";
import { showFacts } from "../facts.js";
import { absolute, ago, clock, count, duration, now, percent, plural } from "../format.js";
import { toast } from "../notices.js";
import { isActive, isFinished, queueOutlook } from "../progress.js";
import { QueueRealtimeManager } from "../queue-realtime.js";
import { nameColumn, pointsColumn, progressColumn, scanHref, stateColumn, timeColumn } from "../scan-rows.js";
import { isSilent, onStations, realtime, start, stationOf } from "../shell.js";
import { Table } from "../table.js";
import { LogView } from "../log-view.js";

const initial = initialData();
const log = new LogView(byId("queue-log"), byId("log-follow"), byId("log-level"));
const place = (scan) => [...manager.scans.keys()].indexOf(scan.scan_id) + 1;

const table = new Table(byId("queue-scans"), [
  { title: "#", right: true, same: place, cell: (scan) => h("span", { class: "muted" }, place(scan)) },
  { ...nameColumn, sort: null }, { ...stateColumn, sort: null }, progressColumn, pointsColumn, timeColumn,
  { title: "", class: "row-actions", same: (scan) => scan.status, cell: (scan) => (mayOperate() && isFinished(scan.status) ? rowAction("scan", scan.scan_id, "restart", "Run again", "arrow-clockwise", restarted) : null) },
], {
  id: (scan) => scan.scan_id, href: scanHref,
  empty: empty("list-task", "No scans in this queue yet", "In a script: ", h("code", {}, "queue.enqueue(scan)"), ", then Start."),
});

function restarted(answer) {
  toast(`${answer.scan?.name ?? "The scan"} ${answer.scan?.status === "running" ? "runs again." : "was put at the end of the queue."}`);
  void manager.refresh();
}

function actionsFor(queue, scans) {
  switch (queue.status) {
    case "running": return ["pause", "stop", "abort"];
    case "paused": return ["resume", "stop", "abort"];
    case "stopping": return ["abort"];
    default: return scans.some((scan) => scan.status === "queued") ? ["start"] : [];
  }
}

const bar = progressBar(0);
const line = h("div", { class: "progress-facts" });

function showOutlook() {
  const { queue } = manager;
  const scans = [...manager.scans.values()];
  const { share, seconds } = queueOutlook(queue, scans);
  const done = scans.filter((scan) => isFinished(scan.status)).length;
  const ended = (status) => scans.filter((scan) => scan.status === status).length;
  const [failed, aborted, interrupted] = ["failed", "aborted", "interrupted"].map(ended);
  setProgress(bar, share, queue.status === "idle" && share === 1 ? (failed ? "failed" : interrupted ? "interrupted" : aborted ? "aborted" : "completed") : queue.status);
  const figure = (word, text, title = null) => h("span", { class: "figure", title }, h("span", {}, word), h("strong", {}, text));
  const text = `${queue.status} ${percent(share)} ${done} ${Math.round(seconds)} ${failed} ${aborted} ${interrupted}`;
  if (line.dataset.text === text) return;
  line.dataset.text = text;
  fill(line, figure("Scans", `${count(done)} of ${count(scans.length)}`), share < 1 && figure("Done", percent(share)), failed > 0 && figure("Failed", count(failed)), aborted > 0 && figure("Aborted", count(aborted)), interrupted > 0 && figure("Interrupted", count(interrupted)),
    queue.status === "running" && Number.isFinite(seconds) && [figure("Remaining", `about ${duration(seconds)}`, "By the pace of the scans so far"),
      figure("Ends", `about ${clock(new Date(now() + seconds * 1000))}`)]);
}

function showQueue(queue, scans) {
  setText(byId("queue-name"), queue.name || queue.queue_id);
  showBadge(byId("queue-state"), queue.status);
  showActions(byId("queue-actions"), actionsFor(queue, scans));
  table.show(scans);
  showOutlook();
  const current = scans.find((scan) => scan.scan_id === queue.current_scan);
  showFacts(byId("queue-facts"), [
    ["Queue", h("span", { class: "mono" }, queue.queue_id)],
    ["Now", current && isActive(current.status) ? h("a", { href: scanHref(current) }, current.name) : null],
    ["Scans", plural(scans.length, "scan")],
    ["Order", queue.mode === "parallel" ? "in parallel" : "one after another"],
    ["Station", queue.station],
    ["Made", ago(queue.created_at)],
  ]);
}

const manager = new QueueRealtimeManager(initial.queue_id, {
  realtime, onQueue: showQueue,
  onScan: (scan, changed) => {
    table.update(scan, { tinted: changed });
    showOutlook();
  },
  onLog: (lines) => log.add(lines.map((one) => ({ ...one, clock: clock(one.timestamp, true), absolute: absolute(one.timestamp) }))),
});

fill(byId("queue-progress"), h("div", { class: "progress-pad" }, line, bar));
start();
manager.start(initial);
void manager.fetchLog().catch(() => {});
bindActions(byId("queue-actions"), "queue", initial.queue_id, {
  onAnswer: (answer) => answer.queue && manager.take(answer.queue),
  confirm: (action) => (action === "abort" ? { title: "Abort this queue?", text: "Running scans end at once and their instruments go to their safe state. Points measured so far are kept.", yes: "Abort now", danger: true } : null),
});
onStations(() => {
  const station = stationOf(initial.queue_id, manager.queue?.station);
  for (const id of ["queue-state", "queue-progress", "queue-scans"]) byId(id).classList.toggle("is-stale", isSilent(station));
});
setInterval(showOutlook, 1000);
window.pybirch.queue = manager;
