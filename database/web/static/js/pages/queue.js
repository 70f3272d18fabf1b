import { bindActions, block, mayOperate, rowAction, showActions, whileInFlight } from "../actions.js";
import { byId, empty, fill, h, icon, initialData, progressBar, setProgress, setText, showBadge } from "../dom.js";
import { showFacts } from "../facts.js";
import { absolute, ago, clock, clockIn, duration, percent, plural } from "../format.js";
import { toast } from "../notices.js";
import { isActive, isFinished } from "../progress.js";
import { queueBar, queueRemaining, tallyOf, tallyText } from "../queue-outlook.js";
import { QueueEdits, rulesText, termsText } from "../queue-edits.js";
import { QueueRealtimeManager } from "../queue-realtime.js";
import { nameColumn, pointsColumn, progressColumn, scanHref, stateColumn, timeColumn } from "../scan-rows.js";
import { realtime, start } from "../shell.js";
import { isSilent, onStations, stationOf, whyNot } from "../stations.js";
import { Table } from "../table.js";
import { askAddFromTemplate, askSaveTemplate } from "../templates.js";
import { LogView } from "../log-view.js";

const MOST_NOTICES = 3;
const initial = initialData();
const log = new LogView(byId("queue-log"), byId("log-follow"), byId("log-level"));
const place = (scan) => [...manager.scans.keys()].indexOf(scan.scan_id) + 1;

const edits = new QueueEdits({
  get queue() { return manager.queue; },
  get scans() { return manager.scans; },
  take: (queue) => manager.take(queue),
  refresh: () => manager.refresh(),
});

const termsOf = (scan) => termsText(scan, manager.scans);
const nameCell = {
  ...nameColumn, sort: null, same: (scan) => `${nameColumn.same(scan)} ${termsOf(scan)}`,
  cell: (scan) => [nameColumn.cell(scan), termsOf(scan) && h("div", { class: "muted small-text terms" }, termsOf(scan))],
};

const table = new Table(byId("queue-scans"), [
  { title: "#", class: "place-cell", right: true, same: place, cell: (scan) => h("span", { class: "muted" }, place(scan)) },
  nameCell, { ...stateColumn, sort: null }, progressColumn, pointsColumn, timeColumn,
  { title: "", class: "row-actions", same: (scan) => `${scan.status} ${isQuestion(scan)} ${whyNot(manager.queue)}`, cell: (scan) => h("span", { class: "row-buttons" }, rowActions(scan), edits.menu(scan)) },
], {
  id: (scan) => scan.scan_id, href: scanHref, steady: true,
  empty: empty("list-task", "No scans in this queue yet", "In a script: ", h("code", {}, "queue.enqueue(scan)"), ", then Start."),
});

function rowActions(scan) {
  if (!mayOperate()) return null;
  if (scan.status === "queued") return rowAction("scan", scan.scan_id, "abort", "Do not run this scan", "x-lg", () => manager.refresh(), { blocked: whyNot(manager.queue) });
  if (!isFinished(scan.status)) return null;
  const again = rowAction("scan", scan.scan_id, "restart", "Run again", "arrow-clockwise", restarted);
  if (scan.status !== "interrupted") return again;
  return h("span", {}, resumeButton(scan), " ", again);
}

/** Somebody must say how to go on with it. */
const isQuestion = (scan) => scan.status === "interrupted" && !scan.terms?.left;

const answer = (scan, action, word, title, symbol, after = () => manager.refresh()) => rowAction("scan", scan.scan_id, action, title, symbol, after, { label: word, blocked: whyNot(manager.queue) });
const answers = (scan) => h("span", { class: "answers" }, resumeButton(scan), " ",
  answer(scan, "restart", "Run again", "Measure it from the beginning, as a new scan", "arrow-clockwise", restarted), " ",
  answer(scan, "leave", "Leave it", "Keep what it measured, and ask no more", "check-lg"));

const resumeButton = (scan) => rowAction("scan", scan.scan_id, "resume", "Resume after the last stored point", "play-fill", () => manager.refresh(), { label: "Resume", blocked: whyNot(manager.queue) });

/** What a station that ended left behind, and the way on. */
function showInterrupted(scans) {
  const left = scans.filter(isQuestion);
  const box = byId("queue-error");
  const key = JSON.stringify([left.map((scan) => [scan.scan_id, scan.message]), whyNot(manager.queue)]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  fill(box, left.length > 0 && h("section", { class: "notice warning", role: "status" },
    left.slice(0, MOST_NOTICES).map((scan) => h("div", { class: "line" }, icon("lightning-charge-fill"), h("span", { class: "grow" },
      h("a", { href: scanHref(scan) }, scan.name), ` was interrupted: ${scan.message || "its station ended without finishing it"}. Its stored points are kept.`), mayOperate() && answers(scan))),
    left.length > MOST_NOTICES && h("p", {}, `and ${plural(left.length - MOST_NOTICES, "more scan")} below`)));
}

function restarted(answer) {
  toast(`${answer.scan?.name ?? "The scan"} ${answer.scan?.status === "running" ? "runs again." : "was put at the end of the queue."}`);
  void manager.refresh();
}

function actionsFor(queue, scans) {
  const held = scans.some((scan) => scan.status === "paused");
  switch (queue.status) {
    case "running": return held ? ["resume", "pause", "stop", "abort"] : ["pause", "stop", "abort"];
    case "paused": return ["resume", "stop", "abort"];
    case "stopping": return held ? ["resume", "abort"] : ["abort"];
    default: return scans.some((scan) => scan.status === "queued") ? ["start"] : [];
  }
}

const bar = progressBar(0);
const line = h("div", { class: "progress-facts" });

function showOutlook() {
  const { queue } = manager;
  const active = [...manager.scans.values()].filter((scan) => isActive(scan.status));
  const { share, state } = queueBar(queue, active);
  const seconds = queueRemaining(queue, active);
  setProgress(bar, share, state);
  const figures = [["Scans", tallyText(tallyOf(queue))], tallyOf(queue).atRest ? null : ["Done", percent(share)],
    ...(Number.isFinite(seconds) ? [["Remaining", `about ${duration(seconds)}`], ["Ends", `about ${clockIn(seconds)}`]] : [])].filter(Boolean);
  const text = figures.join();
  if (line.dataset.text === text) return;
  line.dataset.text = text;
  fill(line, figures.map(([word, value]) => h("span", { class: "figure" }, h("span", {}, word), h("strong", {}, value))));
}

function showQueue(queue, scans) {
  setText(byId("queue-name"), queue.name || queue.queue_id);
  showBadge(byId("queue-state"), queue.status);
  showActions(byId("queue-actions"), actionsFor(queue, scans));
  block(byId("queue-start"), whyNot(queue));
  byId("queue-template").hidden = !mayOperate() || scans.length === 0;
  block(byId("queue-add"), whyNot(queue));
  table.show(scans);
  showInterrupted(scans);
  showOutlook();
  const current = scans.find((scan) => scan.scan_id === queue.current_scan);
  showFacts(byId("queue-facts"), [
    ["Queue", h("span", { class: "mono" }, queue.queue_id)],
    ["Now", current && isActive(current.status) ? h("a", { href: scanHref(current) }, current.name) : null],
    ["Scans", plural(scans.length, "scan")],
    ["Order", queue.mode === "parallel" ? "in parallel" : "one after another"],
    ["When one fails", rulesText(queue).failure],
    ["After a break", rulesText(queue).interrupted],
    ["Station", queue.station],
    ["Made", ago(queue.created_at)],
  ]);
}

byId("queue-rules").hidden = !mayOperate();
byId("queue-add").hidden = !mayOperate();
byId("queue-add").addEventListener("click", () => void whileInFlight(byId("queue-add"), () => askAddFromTemplate(initial.queue_id, (queue) => manager.take(queue))));
byId("queue-template").addEventListener("click", () => void askSaveTemplate("queues", initial.queue_id, manager.queue.name || initial.queue_id));
byId("queue-rules").addEventListener("click", () => void edits.askRules());

const manager = new QueueRealtimeManager(initial.queue_id, {
  realtime, onQueue: showQueue,
  onScan: (scan, changed) => {
    table.update(scan, { tinted: changed });
    if (changed) showInterrupted([...manager.scans.values()]);
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
  if (manager.queue) showQueue(manager.queue, [...manager.scans.values()]);
});
setInterval(() => {
  for (const scan of manager.scans.values()) if (isActive(scan.status)) table.update(scan);
  showOutlook();
}, 1000);
window.pybirch.queue = manager;
