// A scan as a row: the same columns in the list of scans and on the queue page.

import { badge, h, middle, progressBar } from "./dom.js";
import { ago, clockIn, count, duration, percent } from "./format.js";
import { marked } from "./lab-things.js";
import { elapsed, isActive, pointsToBe, remaining, scanPoints, scanShare } from "./progress.js";
import { rowLink } from "./table.js";

export const scanHref = (scan) => `/scans/${encodeURIComponent(scan.scan_id)}`;

/** What a queued scan waits for, when somebody else has it. */
const waiting = (scan) => (scan.status === "queued" && scan.message) || "";

export const nameColumn = { key: "name", title: "Name", class: "name-cell", sort: "name", same: (scan) => `${scan.name} ${scan.archived_at} ${waiting(scan)}`,
  cell: (scan) => [marked(rowLink(scanHref(scan), middle(scan.name || scan.scan_id)), scan), waiting(scan) && h("div", { class: "muted small-text waits" }, waiting(scan))] };
export const stateColumn = {
  key: "status", title: "State", class: "state-cell", sort: "status", same: (scan) => scan.status, cell: (scan) => badge(scan.status),
};
export const progressColumn = {
  key: "progress", title: "Progress", class: "bar-cell", same: (scan) => `${scan.status} ${percent(scanShare(scan))}`,
  cell: (scan) => (scan.status === "queued" ? h("span", { class: "muted" }, "–") : h("div", { title: percent(scanShare(scan)) }, progressBar(scanShare(scan), scan.status))),
};
export const pointsColumn = {
  key: "points", title: "Points", class: "points-cell", right: true, wide: true, same: (scan) => `${scanPoints(scan)}/${scan.points_total} ${scan.status}`,
  cell: (scan) => (pointsToBe(scan)?.most ? h("span", { class: "muted" }, `≤ ${count(scan.points_total)}`)
    : [count(scanPoints(scan)), pointsToBe(scan) && h("span", { class: "muted" }, ` / ${count(scan.points_total)}`)]),
};
export const timeColumn = {
  key: "time", title: "Time", class: "time-cell", right: true, wide: true, same: timeText, cell: timeCell,
};
export const startedColumn = { key: "started", title: "Started", class: "word-cell", wide: true, sort: "started_at", downFirst: true, same: (scan) => scan.started_at, cell: (scan) => ago(scan.started_at) };
export const projectColumn = { key: "project", title: "Project", class: "word-cell", wide: true, sort: "project", same: (scan) => scan.project, cell: (scan) => h("span", { class: "muted" }, scan.project || "–") };
export const ownerColumn = { key: "owner", title: "Owner", class: "word-cell", wide: true, sort: "owner", same: (scan) => scan.owner, cell: (scan) => h("span", { class: "muted" }, scan.owner || "–") };

/** "4 min 10 s"; of a scan under way what was asked of it, when it will be done, or else since when it is. */
export function timeText(scan) {
  if (scan.status === "queued" || !scan.started_at) return "–";
  if (scan.requested) return `${scan.requested} asked`;
  const left = remaining(scan);
  if (Number.isFinite(left)) return `ends ${clockIn(left)}`;
  return isActive(scan.status) ? `started ${scan.started_at}` : duration(elapsed(scan));
}

function timeCell(scan) {
  const text = timeText(scan);
  if (scan.requested) return h("span", { class: "wish" }, text);
  return text.startsWith("started") ? ["started ", ago(scan.started_at)] : text;
}
