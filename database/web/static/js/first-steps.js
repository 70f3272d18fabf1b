// What an empty page says: how the first scan comes about.

import { h } from "./dom.js";
import { plural } from "./format.js";
import { tallyOf } from "./queue-outlook.js";

/** How to get a laboratory of one's own. */
export const ownLab = () => ["Describe your lab in a file like ", h("code", {}, "examples/my_lab.py"), " and run ", h("code", {}, "pybirch station my_lab.py"),
  "; the guide, ", h("code", {}, "docs/guide/first-steps.md"), ", goes through it."];

/** The first of these queues in which scans wait for Start. */
export const waitingQueue = (queues) => queues.find((queue) => tallyOf(queue).queued > 0) ?? null;

/** Where scans wait: open their queue and press Start; else how to get a lab. */
export function firstScan(queues) {
  const queue = waitingQueue(queues);
  if (!queue) return ownLab();
  const link = h("a", { href: `/queues/${encodeURIComponent(queue.queue_id)}` }, queue.name || queue.queue_id);
  const { queued } = tallyOf(queue);
  return [`${plural(queued, "scan")} ${queued === 1 ? "waits" : "wait"} in `, link, ": open that queue and press Start."];
}
