import { get, path, post, withQuery } from "../api.js";
import { byId, empty, fill, h, icon, initialData, middle, setText } from "../dom.js";
import { ExportLine } from "../export-line.js";
import { showFacts } from "../facts.js";
import { ago, count } from "../format.js";
import { archivedMark, day, marked, sampleHref, toggleArchived } from "../lab-things.js";
import { ListPage } from "../list-page.js";
import { Members } from "../members.js";
import { askProject, statusWord } from "../project-form.js";
import { nameColumn, ownerColumn, pointsColumn, progressColumn, scanHref, startedColumn, stateColumn } from "../scan-rows.js";
import { realtime, start } from "../shell.js";
import { rowLink, Table } from "../table.js";

const SCANS = 15;
const SAMPLES = 10;
const LONG = 120000;

let project = initialData();
const base = path("project", project.id);
const members = new Members(show);
const exporting = new ExportLine(byId("export-line"));

const scans = new ListPage("project-scans", [nameColumn, stateColumn, progressColumn, pointsColumn, ownerColumn, startedColumn], {
  id: (scan) => scan.scan_id, href: scanHref, steady: true, address: "/api/scans", asked: { project_id: project.id }, rows: SCANS,
  empty: empty("graph-up", "No scans yet", "A scan names its project: ", h("code", {}, `ScanSettings("${project.name}", …)`), "."),
});
const samples = new Table(byId("project-samples"), [
  { title: "Sample", class: "name-cell", same: (sample) => `${sample.ID} ${sample.archived_at}`, cell: (sample) => marked(rowLink(sampleHref(sample), middle(sample.ID)), sample) },
  { title: "Material", class: "kind-cell", same: (sample) => sample.material, cell: (sample) => sample.material || "–" },
  { title: "Where", class: "word-cell", wide: true, same: (sample) => sample.status, cell: (sample) => h("span", { class: "muted" }, sample.status || "–") },
  { title: "Changed", class: "word-cell", wide: true, same: (sample) => sample.updated_at, cell: (sample) => ago(sample.updated_at) },
], { id: (sample) => sample.id, href: sampleHref, steady: true, empty: empty("eyedropper", "No samples yet", "A sample's page says, under Edit, which project it is of.") });

function show(told) {
  project = told;
  setText(byId("project-name"), project.name);
  byId("project-name").title = project.name;
  document.title = `${project.name} · PyBirch`;
  fill(byId("project-marks"), h("span", { class: "tag quiet" }, statusWord(project.status)), " ", archivedMark(project));
  for (const id of ["project-edit", "project-archive"]) byId(id).hidden = !project.may_lead;
  setText(byId("project-archive"), project.archived_at ? "Bring back" : "Archive");
  const described = byId("project-description");
  described.hidden = !project.description;
  setText(described.querySelector("p"), project.description);
  showFacts(byId("project-facts"), [
    ["Status", statusWord(project.status)], ["Led by", project.leads.join(", ")],
    ["Scans", count(project.scans)], ["First scan", day(project.first_scan_at)], ["Latest scan", project.latest_scan_at && ago(project.latest_scan_at)],
    ["Samples", count(project.samples)], ["Made", day(project.created_at)], ["Archived", project.archived_at && day(project.archived_at)],
  ]);
  byId("project-all-scans").hidden = project.scans === 0;
  members.draw(project);
}

async function refresh() {
  const [told, found] = await Promise.all([get(base), get(withQuery("/api/samples", { project_id: project.id, limit: SAMPLES, sort: "-updated_at" })), scans.refresh()]);
  if (JSON.stringify(told) !== JSON.stringify(project)) show(told);
  samples.show(found.items);
  setText(byId("project-samples-count"), found.total ? count(found.total) : "");
  byId("project-all-samples").hidden = found.total === 0;
}

byId("project-edit").addEventListener("click", async () => {
  const told = await askProject(project, base);
  if (told) show(told);
});
byId("project-archive").addEventListener("click", () => toggleArchived(base, project, project.name, show, "No new scan begins for it."));
byId("project-export").addEventListener("click", () => void exporting.start("the ELN archive", () => post(`${base}/eln`, {}, { timeout: LONG })));

show(project);
realtime.onScanStatus((event) => {
  const held = scans.table.row(event.scan_id);
  if (held) scans.table.update({ ...held, status: event.status, progress: event.progress ?? held.progress, requested: event.requested ?? null }, { tinted: held.status !== event.status });
});
realtime.onRefresh(refresh);
start();
void refresh().catch((error) => fill(byId("project-scans-table"), h("p", { class: "empty" }, icon("exclamation-triangle"), error.message)));
window.pybirch.project = { refresh };
