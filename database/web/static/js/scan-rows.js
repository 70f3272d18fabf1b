// A scan as a row: the same columns in the list of scans and on the queue page.

import { badge, h, middle, progressBar } from "./dom.js";
import { ago, clock, count, duration, now, percent } from "./format.js";
import { elapsed, isActive, remaining, scanPoints, scanShare } from "./progress.js";
import { rowLink } from "./table.js";

export const scanHref = (scan) => `/scans/${encodeURIComponent(scan.scan_id)}`;

export const nameColumn = { key: "name", title: "Name", class: "name-cell", sort: "name", same: (scan) => scan.name, cell: (scan) => rowLink(scanHref(scan), middle(scan.name || scan.scan_id)) };
export const stateColumn = {
  key: "status", title: "State", sort: "status", same: (scan) => `${scan.status} ${scan.requested ?? ""}`,
  cell: (scan) => [badge(scan.status), scan.requested && h("span", { class: "wish" }, ` ${scan.requested} asked`)],
};
export const progressColumn = {
  key: "progress", title: "Progress", class: "bar-cell", same: (scan) => `${scan.status} ${percent(scanShare(scan))}`,
  cell: (scan) => (scan.status === "queued" ? h("span", { class: "muted" }, "–") : h("div", { title: percent(scanShare(scan)) }, progressBar(scanShare(scan), scan.status))),
};
export const pointsColumn = {
  key: "points", title: "Points", right: true, wide: true, same: (scan) => `${scanPoints(scan)}/${scan.points_total}`,
  cell: (scan) => [count(scanPoints(scan)), scan.points_total ? h("span", { class: "muted" }, ` / ${count(scan.points_total)}`) : null],
};
export const timeColumn = {
  key: "time", title: "Time", right: true, wide: true, same: (scan) => timeText(scan), cell: (scan) => timeText(scan),
};
export const startedColumn = { key: "started", title: "Started", wide: true, sort: "started_at", downFirst: true, same: (scan) => scan.started_at, cell: (scan) => ago(scan.started_at) };
export const projectColumn = { key: "project", title: "Project", wide: true, sort: "project", same: (scan) => scan.project, cell: (scan) => h("span", { class: "muted" }, scan.project || "–") };
export const ownerColumn = { key: "owner", title: "Owner", wide: true, same: (scan) => scan.owner, cell: (scan) => h("span", { class: "muted" }, scan.owner || "–") };

/** "4 min 10 s", or for a running scan when it will be done. */
export function timeText(scan) {
  if (scan.status === "queued" || !scan.started_at) return "–";
  const left = remaining(scan);
  if (Number.isFinite(left)) return `ends ${clock(new Date(now() + left * 1000), left < 120)}`;
  return isActive(scan.status) ? `for ${duration(elapsed(scan))}` : duration(elapsed(scan));
}
