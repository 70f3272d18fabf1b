import { byId, empty, h, initialData, middle } from "../dom.js";
import { ago, count } from "../format.js";
import { marked } from "../lab-things.js";
import { ListPage } from "../list-page.js";
import { realtime, start } from "../shell.js";
import { rowLink } from "../table.js";

const { kind } = byId("templates-filters").dataset;
const href = (template) => `/templates/${kind}/${template.id}`;
const WHERE = { scans: "in the menu of a scan's page", queues: "on a queue's page" };

const page = new ListPage("templates", [
  { title: "Name", class: "name-cell", sort: "name", same: (one) => `${one.name} ${one.archived_at}`, cell: (one) => marked(rowLink(href(one), middle(one.name)), one) },
  { title: "What it is for", class: "notes-cell", same: (one) => one.description, cell: (one) => h("span", { class: "muted" }, one.description || "–") },
  ...(kind === "queues" ? [{ title: "Scans", class: "points-cell", right: true, same: (one) => one.scans, cell: (one) => count(one.scans) }] : []),
  { title: "Version", class: "points-cell", right: true, wide: true, same: (one) => one.version, cell: (one) => one.version },
  { title: "Owner", class: "word-cell", wide: true, sort: "owner", same: (one) => one.owner, cell: (one) => h("span", { class: "muted", title: one.owner }, one.owner || "–") },
  { title: "Made", class: "word-cell", wide: true, sort: "created_at", downFirst: true, same: (one) => one.created_at, cell: (one) => ago(one.created_at) },
], {
  id: (one) => one.id, href, steady: true, address: `/api/templates/${kind}`,
  empty: empty("collection", `No templates of ${kind} yet`, "What works is kept to be run again with ", h("strong", {}, "Save as template …"), ` ${WHERE[kind]}.`),
});

realtime.onRefresh(() => page.refresh());
const initial = initialData();
if (initial?.items) page.show(initial);
start();
window.pybirch.templates = page;
