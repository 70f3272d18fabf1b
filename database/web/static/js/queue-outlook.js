// How far a queue is and when it ends: counted and reckoned here for every page.

import { count, plural } from "./format.js";
import { isActive, remaining, scanShare } from "./progress.js";

const ENDS = ["failed", "aborted", "interrupted"];

/** A queue's scans by state, as `scan_states` of its JSON tells them. */
export function tallyOf(queue) {
  const states = queue.scan_states ?? {};
  const total = Object.values(states).reduce((sum, scans) => sum + scans, 0);
  const of = (state) => states[state] ?? 0;
  return { total, completed: of("completed"), queued: of("queued"), ended: ENDS.filter(of).map((state) => [state, of(state)]), atRest: !of("queued") && !of("running") && !of("paused") };
}

/** `scan_states` of a list of scans. */
export function statesOf(scans) {
  const states = {};
  for (const { status } of scans) states[status] = (states[status] ?? 0) + 1;
  return states;
}

/** `scan_states` after one scan's step from a state to another. */
export function movedOn(states, from, to) {
  return from === to || !states?.[from] ? states : { ...states, [from]: states[from] - 1, [to]: (states[to] ?? 0) + 1 };
}

/** "7 of 14 scans done"; where some did not come to their end "2 completed, 1 interrupted, of 4". */
export function tallyText({ total, completed, ended }) {
  if (ended.length === 0) return `${count(completed)} of ${plural(total, "scan")} done`;
  return `${[`${count(completed)} completed`, ...ended.map(([state, scans]) => `${count(scans)} ${state}`)].join(", ")}, of ${count(total)}`;
}

/**
 * {share, state} for a queue's bar: the share that is measured, and at the end the gravest of what became
 * of its scans. `active`: its scans that run, where the page has them.
 */
export function queueBar(queue, active = null) {
  const tally = tallyOf(queue);
  const under = active?.reduce((sum, scan) => sum + scanShare(scan), 0);
  const share = tally.total === 0 ? 0 : active ? (tally.completed + under) / tally.total : queue.progress ?? tally.completed / tally.total;
  const over = queue.status === "idle" && tally.total > 0 && tally.atRest;
  return { share, state: over ? tally.ended[0]?.[0] ?? "completed" : queue.status };
}

/**
 * Seconds until the queue ends: what its running scan still needs, then what waits. NaN where
 * that is not known: no scan of a type has shown yet how long its points take, or one is paused.
 */
export function queueRemaining(queue, active) {
  const running = Math.max(...active.map(remaining));
  if (queue.status === "stopping") return running;
  if (queue.status !== "running" || active.length === 0) return NaN;
  const waiting = queue.waiting ?? [];
  if (tallyOf(queue).queued === 0 || waiting.length === 0) return tallyOf(queue).queued === 0 ? running : NaN;
  if (queue.mode === "parallel") return NaN;
  return waiting.reduce((sum, kind) => sum + (kind.points ?? NaN) * (kind.seconds_per_point ?? paceOf(kind.scan_type, active)), running);
}

/** Seconds a point of the running scan of this type takes. */
function paceOf(type, active) {
  const scan = active.find((one) => isActive(one.status) && one.scan_type === type && one.points_total);
  return scan ? remaining(scan) / ((1 - scanShare(scan)) * scan.points_total) : NaN;
}
