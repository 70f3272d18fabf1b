// How far, how fast, how long: the same reckoning on every page.

import { now } from "./format.js";

export const isActive = (status) => status === "running" || status === "paused";
export const isFinished = (status) => ["completed", "aborted", "failed", "interrupted"].includes(status);

export function scanShare(scan) {
  if (scan.status === "completed") return 1;
  if (typeof scan.progress === "number") return scan.progress;
  return scan.points_total ? newestPoints(scan) / scan.points_total : 0;
}

/** Points done less those that were measured again. */
const newestPoints = (scan) => (scan.points_done ?? 0) - (scan.points_replaced ?? 0);

/** Points done as last told, or as progress implies where that is newer and the number is known beforehand. */
export function scanPoints(scan) {
  const implied = scan.points_total && !scan.points_vary && typeof scan.progress === "number" ? Math.round(scan.progress * scan.points_total) : 0;
  return Math.max(newestPoints(scan), implied);
}

/** How many points there will be: a number, "at most" one, or nothing where an end has told it. */
export function pointsToBe(scan) {
  if (!scan.points_total || (scan.points_vary && isFinished(scan.status))) return null;
  return { most: Boolean(scan.points_vary), total: scan.points_total };
}

export function elapsed(scan) {
  if (!scan.started_at) return NaN;
  const end = scan.finished_at ? Date.parse(scan.finished_at) : now();
  return Math.max(0, (end - Date.parse(scan.started_at)) / 1000);
}

/** Watched this long, and this much off the mean, a scan's present pace counts. */
const WATCHED = 20;
const OFF = 1.5;
const watched = new Map();

/**
 * Seconds a running scan still needs at its mean pace, the same on every page; NaN when that cannot be
 * told. Where it lay still for a while (paused, or resumed after a crash) its present pace shows it, and counts.
 */
export function remaining(scan) {
  const share = scanShare(scan);
  if (scan.status !== "running") watched.delete(scan.scan_id);
  if (scan.status !== "running" || share < 0.002) return NaN;
  const mean = share / elapsed(scan);
  const present = presentPace(scan.scan_id, share);
  const misleading = present > 0 && Math.max(present / mean, mean / present) > OFF;
  return (1 - share) / (misleading ? present : mean);
}

/** Share a second since this page has watched the scan; NaN in the beginning. */
function presentPace(id, share) {
  const at = now() / 1000;
  if (!watched.has(id)) watched.set(id, { share, at });
  const since = watched.get(id);
  return at - since.at < WATCHED ? NaN : (share - since.share) / (at - since.at);
}

/** Points a second over the last ~10 s, from what was counted when. */
export class RateMeter {
  #samples = [];

  add(points, at = performance.now()) {
    const last = this.#samples.at(-1);
    if (last && points < last.points) this.#samples = [];
    this.#samples.push({ points, at });
    while (this.#samples.length > 2 && at - this.#samples[0].at > 10_000) this.#samples.shift();
  }

  get perSecond() {
    if (this.#samples.length < 2) return NaN;
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    return last.at - first.at < 900 ? NaN : ((last.points - first.points) * 1000) / (last.at - first.at);
  }
}
