import { byId, empty, h, initialData, middle } from "../dom.js";
import { ago, count } from "../format.js";
import { forOperators, marked, projectHref } from "../lab-things.js";
import { ListPage } from "../list-page.js";
import { askNewProject, statusWord } from "../project-form.js";
import { realtime, start } from "../shell.js";
import { rowLink } from "../table.js";

const leads = (project) => project.leads.join(", ") || "nobody";

const page = new ListPage("projects", [
  { title: "Name", class: "name-cell", sort: "name", same: (project) => `${project.name} ${project.archived_at}`, cell: (project) => marked(rowLink(projectHref(project), middle(project.name)), project) },
  { title: "Status", class: "word-cell", sort: "status", same: (project) => project.status, cell: (project) => h("span", { class: "muted" }, statusWord(project.status)) },
  { title: "Led by", class: "kind-cell titled", same: leads, cell: (project) => h("span", { class: project.leads.length ? null : "muted", title: leads(project) }, leads(project)) },
  { title: "Scans", class: "points-cell", right: true, same: (project) => project.scans, cell: (project) => count(project.scans) },
  { title: "Samples", class: "points-cell", right: true, wide: true, same: (project) => project.samples, cell: (project) => count(project.samples) },
  { title: "Latest scan", class: "word-cell", wide: true, same: (project) => project.latest_scan_at, cell: (project) => ago(project.latest_scan_at) },
  { title: "Made", class: "word-cell", wide: true, sort: "created_at", downFirst: true, same: (project) => project.created_at, cell: (project) => ago(project.created_at) },
], {
  id: (project) => project.id, href: projectHref, steady: true,
  empty: empty("folder", "No projects yet", "A project gathers scans and samples, and says who may run them. Make one with ", h("strong", {}, "New project"), "; scans whose ", h("code", {}, "project_name"), " is its name belong to it."),
});

forOperators(byId("project-new"));
byId("project-new").addEventListener("click", async () => {
  const made = await askNewProject();
  if (made) location.assign(projectHref(made));
});
realtime.onRefresh(() => page.refresh());
const initial = initialData();
if (initial?.items) page.show(initial);
start();
window.pybirch.projects = page;
