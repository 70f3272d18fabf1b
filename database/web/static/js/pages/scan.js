import { get, path } from "../api.js";
import { bindActions, mayOperate, showActions } from "../actions.js";
import { byId, fill, h, initialData, progressBar, setProgress, setText, showBadge } from "../dom.js";
import { DataTable } from "../data-table.js";
import { ExportMenu } from "../export-menu.js";
import { showFacts } from "../facts.js";
import { failureOf } from "../failure.js";
import { ago, clock, clockIn, count, duration, percent, plural, rate } from "../format.js";
import { archivedMark, projectLink, sampleLink, toggleArchived } from "../lab-things.js";
import { errorPanel, toast } from "../notices.js";
import { planOf } from "../plan.js";
import { Preflight } from "../preflight.js";
import { elapsed, isActive, isFinished, pointsToBe, RateMeter, remaining, scanShare } from "../progress.js";
import { bindRewind } from "../rewind.js";
import { ScanChart } from "../scan-chart.js";
import { ScanRealtimeManager } from "../scan-realtime.js";
import { scanHref } from "../scan-rows.js";
import { realtime, start } from "../shell.js";
import { isSilent, onStations, stationOf } from "../stations.js";
import { askSaveTemplate } from "../templates.js";

let scan = initialData();
let heardAt = 0;
let instruments = null;
let rewound = false;
const meter = new RateMeter();
const preflight = new Preflight(scan.scan_id);
const bar = progressBar(0);
const line = h("div", { class: "progress-facts" });

const manager = new ScanRealtimeManager(scan.scan_id, {
  realtime,
  maxPoints: () => Math.max(2000, byId("scan-chart").clientWidth * 2),
  onData: (measurement) => {
    chart.setMeasurements(names());
    if (measurement === chart.measurement) {
      chart.updateSoon();
      table.show(chart.store);
      showDownload();
    } else chart.showTabs();
  },
  onStatus: (event) => {
    heardAt = Date.now();
    const ended = !isFinished(scan.status) && isFinished(event.status);
    rewound ||= event.progress !== null && event.progress < scan.progress;
    take({ status: event.status, progress: event.progress ?? scan.progress, message: event.message ?? scan.message, requested: event.requested ?? null });
    if (ended) void manager.refresh().catch(() => {});
  },
  onScan: (fresh, asked) => take(heardAt > asked ? { ...fresh, status: scan.status, progress: scan.progress, requested: scan.requested } : fresh),
});
const chart = new ScanChart(manager, { status: () => scan.status });
const table = new DataTable(byId("scan-data"), byId("data-note"));
const exportMenu = new ExportMenu(scan.scan_id, () => ({ measurement: chart.measurement && manager.points(chart.measurement) > 0 ? chart.measurement : null, names: names(), rewound: repeated() > 0 }));
chart.onChoice = () => {
  table.show(chart.store);
  showDownload();
};

/** Measurements as the record lists them, then what came live before it was read again. */
function names() {
  const listed = (scan.measurements ?? []).map((one) => one.name);
  return [...listed, ...[...manager.stores.keys()].filter((name) => !listed.includes(name))];
}

const done = () => Math.max(manager.pointsDone, scan.points_done ?? 0);

/** How many of them were measured again, as the record or this page knows. */
const repeated = () => Math.max(manager.pointsRepeated, scan.points_replaced ?? 0);

/** The step of the last point there is. */
function lastStep() {
  const store = [...manager.stores.values()].filter((one) => one.rows).at(-1);
  return (store && store.ofRole("step")[0]?.data.all().at(-1)) ?? 0;
}

function actions() {
  if (scan.status === "running") return scan.requested === "pause" ? ["abort"] : ["pause", "abort"];
  if (scan.status === "paused") return ["resume", "abort"];
  if (scan.status === "interrupted") return ["resume", "restart"];
  return isFinished(scan.status) ? ["restart"] : [];
}

function take(changes) {
  const before = scan.status;
  scan = { ...scan, ...changes };
  if (isActive(scan.status)) scan.finished_at = null;
  setText(byId("scan-name"), scan.name || scan.scan_id);
  document.title = `${scan.name || scan.scan_id} · PyBirch`;
  showBadge(byId("scan-state"), scan.status);
  showActions(byId("scan-actions"), actions());
  byId("scan-rewind").hidden = !mayOperate() || !isActive(scan.status);
  showArchived();
  showWish();
  showStale();
  showProgress();
  void preflight.show(scan.status);
  if (before !== scan.status || "settings" in changes) {
    showDetails();
    chart.showFollow();
    chart.setMeasurements(names());
    if (!chart.store?.rows) chart.update();
    void lookAtInstruments();
  }
}

/** An archived scan says so; one that has ended can be archived, or brought back. */
function showArchived() {
  fill(byId("scan-archived"), archivedMark(scan));
  const item = byId("scan-archive");
  item.hidden = !mayOperate() || !(isFinished(scan.status) && (scan.status !== "interrupted" || scan.terms?.left));
  setText(item.lastElementChild, scan.archived_at ? "Bring back into the lists" : "Archive …");
}

/** What a silent station last said is greyed; what has ended is known for sure. */
function showStale() {
  const silent = isActive(scan.status) && isSilent(stationOf(scan.queue_id));
  for (const id of ["scan-state", "scan-progress"]) byId(id).classList.toggle("is-stale", silent);
}

function showWish() {
  const holder = byId("scan-state");
  const text = { pause: "pausing after this point", abort: "aborting" }[scan.requested] ?? null;
  holder.querySelector(".wish")?.remove();
  if (text && isActive(scan.status)) holder.append(h("span", { class: "wish" }, ` ${text}`));
}

function showProgress() {
  const points = done() - repeated();
  if (scan.status === "running") meter.add(done());
  const toBe = pointsToBe(scan);
  const byPoints = toBe && !toBe.most && scan.status !== "completed" && !rewound && !repeated();
  const share = byPoints ? Math.min(1, points / toBe.total) : scanShare(scan);
  const pace = scan.status === "running" ? meter.perSecond : NaN;
  const lived = elapsed(scan);
  const left = realtime.state === "stale" ? NaN : remaining({ ...scan, progress: share });
  const figures = [
    ["Points", count(points), toBe && `of ${toBe.most ? "at most " : ""}${count(toBe.total)}`],
    repeated() > 0 && ["Measured again", count(repeated())],
    (toBe || scan.status === "completed") && ["Done", percent(share)],
    scan.status === "running" && ["Rate", rate(pace)],
    Number.isFinite(lived) && [isFinished(scan.status) ? "Took" : "Elapsed", duration(lived)],
    Number.isFinite(left) && ["Remaining", duration(left)],
    Number.isFinite(left) && ["Ends", clockIn(left)],
    scan.finished_at && ["Ended", clock(scan.finished_at, true)],
  ].filter(Boolean);
  setProgress(bar, share, scan.status);
  figures.forEach(([word, text, more], i) => {
    const figure = line.children[i] ?? line.appendChild(h("span", { class: "figure" }, h("span"), h("strong", { class: "number" }), h("span", { class: "muted number" })));
    setText(figure.children[0], word);
    setText(figure.children[1], text);
    setText(figure.children[2], more ?? "");
  });
  while (line.children.length > figures.length) line.lastElementChild.remove();
}

function showDetails() {
  const { sample, settings } = scan;
  const tags = (list) => list?.length ? list.map((tag) => h("span", { class: "tag" }, typeof tag === "string" ? tag : JSON.stringify(tag))) : null;
  if (scan.queue_id) fill(byId("scan-crumb"), h("a", { href: `/queues/${encodeURIComponent(scan.queue_id)}` }, scan.queue_id));
  showFacts(byId("scan-facts"), [
    ["Sample", sample && [sampleLink(sample), tags(sample.tags)]],
    ["Project", scan.projects?.length ? scan.projects.map((one) => [projectLink(one), " "]) : scan.project], ["Type", scan.scan_type], ["Job", scan.job_type], ["Owner", scan.owner],
    ["Tags", tags(scan.tags)],
    ...Object.entries(scan.user_fields ?? {}).map(([key, value]) => [key, typeof value === "object" ? JSON.stringify(value) : String(value)]),
    ["When paused", settings?.on_pause === "safe" ? "instruments in their safe state" : null],
    ["Made", ago(scan.created_at)], ["Started", scan.started_at && ago(scan.started_at)], ["Ended", scan.finished_at && ago(scan.finished_at)],
    ["Repeats", scan.restarted_from && h("a", { href: scanHref({ scan_id: scan.restarted_from }) }, "the earlier scan")],
    ["Id", h("span", { class: "mono" }, scan.scan_id)],
  ]);
  fill(byId("scan-tree"), planOf(settings?.scan_tree ?? settings?.scan_tree_data));
  setText(byId("scan-settings"), JSON.stringify(settings ?? {}, null, 2));
  showError();
}

function showError() {
  let panel = null;
  if (scan.status === "failed") {
    const more = scan.error && scan.message && scan.error !== scan.message ? scan.message : null;
    panel = errorPanel({ title: "This scan failed", ...failureOf(scan, done(), instruments), details: more, link: h("a", { href: `${scanHref(scan)}/changes` }, "What changed since the last good one") });
  }
  if (scan.status === "interrupted") panel = errorPanel({ title: "This scan was interrupted", kind: "warning", what: scan.error || scan.message || "Its station ended without finishing it.", safe: `${plural(done(), "point")} measured before ${done() === 1 ? "is" : "are"} stored. Look at the instruments: the station could not bring them to their safe state itself.`, next: "When the station is back, Resume goes on after the last stored point; Run again begins anew." });
  fill(byId("scan-error"), panel);
}

/** How the instruments of a failed scan were left. */
async function lookAtInstruments() {
  if (scan.status !== "failed") return;
  instruments = await get("/api/instruments/status", { timeout: 8000 }).catch(() => null);
  showError();
}

function showDownload() {
  byId("data-panel").hidden = manager.pointsDone === 0;
  exportMenu.show();
}

fill(byId("scan-progress"), line, bar);
window.pybirch.scan = manager;
manager.describe(scan.measurements ?? []);
take(scan);
showDetails();
chart.setMeasurements(names());
chart.update();
showDownload();
void lookAtInstruments();
start();
manager.start();
void manager.catchUp(Object.fromEntries((scan.measurements ?? []).map((one) => [one.name, one.last_index])));
bindActions(byId("scan-actions"), "scan", scan.scan_id, {
  confirm: (action) => (action === "abort" ? { title: "Abort this scan?", text: "It ends at once and its instruments go to their safe state. Points measured so far are kept.", yes: "Abort now", danger: true } : null),
  onAnswer: (answer, action) => {
    if (action !== "restart") {
      if (answer.scan) take(answer.scan);
      return;
    }
    toast("Put at the end of its queue.");
    if (answer.scan?.scan_id && answer.scan.scan_id !== scan.scan_id) location.href = scanHref(answer.scan);
  },
});
bindRewind(byId("scan-rewind"), scan.scan_id, { lastStep, onAnswer: (answer) => answer.scan && take(answer.scan) });
byId("scan-template").hidden = !mayOperate();
byId("scan-template").addEventListener("click", () => {
  byId("scan-more").open = false;
  void askSaveTemplate("scans", scan.scan_id, scan.name);
});
byId("scan-archive").addEventListener("click", () => {
  byId("scan-more").open = false;
  void toggleArchived(path("scan", scan.scan_id), scan, scan.name || scan.scan_id, take);
});
onStations(showStale);
realtime.onInstrumentStatus((event) => event.status === "error" && void lookAtInstruments());
setInterval(showProgress, 500);
