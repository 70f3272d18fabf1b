import { badge, empty, h, initialData, middle, progressBar } from "../dom.js";
import { ownLab } from "../first-steps.js";
import { ago } from "../format.js";
import { ListPage } from "../list-page.js";
import { queueBar, tallyOf, tallyText } from "../queue-outlook.js";
import { realtime, start } from "../shell.js";
import { rowLink } from "../table.js";

const href = (queue) => `/queues/${encodeURIComponent(queue.queue_id)}`;

function bar(queue) {
  const { share, state } = queueBar(queue);
  return progressBar(share, state);
}

const page = new ListPage("queues", [
  { title: "Name", class: "name-cell", same: (queue) => queue.name, cell: (queue) => rowLink(href(queue), middle(queue.name || queue.queue_id)) },
  { title: "State", class: "state-cell", same: (queue) => queue.status, cell: (queue) => badge(queue.status) },
  { title: "Progress", class: "bar-cell", same: (queue) => Object.values(queueBar(queue)).join(), cell: bar },
  { title: "Scans", class: "tally-cell", same: (queue) => tallyText(tallyOf(queue)), cell: (queue) => tallyText(tallyOf(queue)) },
  { title: "Station", class: "word-cell", wide: true, same: (queue) => queue.station, cell: (queue) => h("span", { class: "muted" }, queue.station || "–") },
  { title: "Made", class: "word-cell", wide: true, same: (queue) => queue.created_at, cell: (queue) => ago(queue.created_at) },
], {
  id: (queue) => queue.queue_id, href, steady: true,
  empty: empty("list-task", "No queues yet", "A queue appears here when a station or a script makes one. ", ...ownLab()),
});

realtime.onQueueStatus((event) => {
  const held = page.table.row(event.queue_id);
  if (!held) {
    page.refreshSoon();
    return;
  }
  page.table.update({ ...held, status: event.status }, { tinted: held.status !== event.status });
  page.refreshSoon();
});
realtime.onRefresh(() => page.refresh());
const initial = initialData();
if (initial?.items) page.show(initial);
start();
window.pybirch.queues = page;
