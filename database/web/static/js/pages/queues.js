import { badge, empty, h, initialData, middle, progressBar } from "../dom.js";
import { ago, count } from "../format.js";
import { ListPage } from "../list-page.js";
import { realtime, start } from "../shell.js";
import { rowLink } from "../table.js";

const href = (queue) => `/queues/${encodeURIComponent(queue.queue_id)}`;
const share = (queue) => (queue.total_scans ? (queue.completed_scans ?? 0) / queue.total_scans : 0);

const page = new ListPage("queues", [
  { title: "Name", class: "name-cell", same: (queue) => queue.name, cell: (queue) => rowLink(href(queue), middle(queue.name || queue.queue_id)) },
  { title: "State", same: (queue) => queue.status, cell: (queue) => badge(queue.status) },
  { title: "Progress", class: "bar-cell", same: (queue) => `${share(queue)} ${queue.status}`, cell: (queue) => progressBar(share(queue), queue.status === "idle" && share(queue) === 1 ? "completed" : queue.status) },
  { title: "Scans done", right: true, same: (queue) => `${queue.completed_scans}/${queue.total_scans}`, cell: (queue) => [count(queue.completed_scans ?? 0), h("span", { class: "muted" }, ` / ${count(queue.total_scans ?? 0)}`)] },
  { title: "Station", wide: true, same: (queue) => queue.station, cell: (queue) => h("span", { class: "muted" }, queue.station || "–") },
  { title: "Made", wide: true, same: (queue) => queue.created_at, cell: (queue) => ago(queue.created_at) },
], {
  id: (queue) => queue.queue_id, href,
  empty: empty("list-task", "No queues yet", "A queue appears here when a station or a script makes one. Describe your lab in a file like ", h("code", {}, "examples/my_lab.py"), " and run ", h("code", {}, "pybirch station my_lab.py"), "."),
});

realtime.onQueueStatus((event) => {
  const held = page.table.row(event.queue_id);
  if (!held) {
    page.refreshSoon();
    return;
  }
  page.table.update({ ...held, status: event.status, completed_scans: event.completed_scans ?? held.completed_scans, total_scans: event.total_scans ?? held.total_scans }, { tinted: held.status !== event.status });
});
realtime.onRefresh(() => page.refresh());
const initial = initialData();
if (initial?.items) page.show(initial);
start();
window.pybirch.queues = page;
