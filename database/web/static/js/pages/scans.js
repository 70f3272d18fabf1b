import { empty, initialData } from "../dom.js";
import { ownLab } from "../first-steps.js";
import { ListPage } from "../list-page.js";
import { nameColumn, ownerColumn, pointsColumn, progressColumn, projectColumn, scanHref, startedColumn, stateColumn, timeColumn } from "../scan-rows.js";
import { realtime, start } from "../shell.js";

const page = new ListPage("scans", [nameColumn, stateColumn, progressColumn, pointsColumn, projectColumn, ownerColumn, startedColumn, timeColumn], {
  id: (scan) => scan.scan_id, href: scanHref, steady: true,
  empty: empty("graph-up", "No scans yet", "A scan appears here when it is put into a queue. ", ...ownLab()),
});

realtime.onScanStatus((event) => {
  const held = page.table.row(event.scan_id);
  if (!held) {
    page.refreshSoon();
    return;
  }
  const changed = held.status !== event.status;
  page.table.update({ ...held, status: event.status, progress: event.progress ?? held.progress, requested: event.requested ?? null }, { tinted: changed });
  if (changed) page.refreshSoon();
});
realtime.onRefresh(() => page.refresh());
const initial = initialData();
if (initial?.items) page.show(initial);
start();
window.pybirch.scans = page;
