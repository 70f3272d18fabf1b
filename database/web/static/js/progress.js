// How far, how fast, how long: the same reckoning on every page.

import { now } from "./format.js";

export const isActive = (status) => status === "running" || status === "paused";
export const isFinished = (status) => ["completed", "aborted", "failed", "interrupted"].includes(status);

export function scanShare(scan) {
  if (scan.status === "completed") return 1;
  if (typeof scan.progress === "number") return scan.progress;
  return scan.points_total ? scan.points_done / scan.points_total : 0;
}

/** Points done as last told, or as progress implies where that is newer. */
export function scanPoints(scan) {
  const implied = scan.points_total && typeof scan.progress === "number" ? Math.round(scan.progress * scan.points_total) : 0;
  return Math.max(scan.points_done ?? 0, implied);
}

export function elapsed(scan) {
  if (!scan.started_at) return NaN;
  const end = scan.finished_at ? Date.parse(scan.finished_at) : now();
  return Math.max(0, (end - Date.parse(scan.started_at)) / 1000);
}

/** Seconds a running scan still needs at its mean pace so far; NaN when that cannot be told. */
export function remaining(scan) {
  const share = scanShare(scan);
  if (scan.status !== "running" || share < 0.002) return NaN;
  return (elapsed(scan) * (1 - share)) / share;
}

/** {share, seconds} of a queue; seconds by what its scans took, scaled by their points where known. */
export function queueOutlook(queue, scans) {
  if (scans.length === 0) {
    const total = queue.total_scans || 0;
    return { share: total ? (queue.completed_scans ?? 0) / total : 0, seconds: NaN };
  }
  const share = scans.reduce((sum, scan) => sum + (isFinished(scan.status) ? 1 : scanShare(scan)), 0) / scans.length;
  const timed = scans.filter((scan) => scan.started_at && scanShare(scan) > 0.01);
  const weight = (scan) => scan.points_total || 1;
  const taken = timed.reduce((sum, scan) => sum + elapsed(scan), 0);
  const done = timed.reduce((sum, scan) => sum + weight(scan) * scanShare(scan), 0);
  if (!(done > 0)) return { share, seconds: NaN };
  const left = scans.filter((scan) => !isFinished(scan.status)).reduce((sum, scan) => sum + weight(scan) * (1 - scanShare(scan)), 0);
  return { share, seconds: (left * taken) / done };
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
