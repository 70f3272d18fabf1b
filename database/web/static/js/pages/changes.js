import { byId, empty, fill, h, icon, initialData, badge } from "../dom.js";
import { absolute, ago } from "../format.js";
import { scanHref } from "../scan-rows.js";
import { start } from "../shell.js";

const TITLES = {
  settings: "Settings", tree: "Plan", instruments: "Instruments", drivers: "Drivers", software: "Software",
  sample: "Sample", terms: "Terms in the queue", operator: "Operator",
};
const { scan, since, changes, remarks, others } = initialData();

const words = (value, unit) => `${typeof value === "boolean" ? (value ? "yes" : "no") : value === "" ? "empty" : value}${unit ? ` ${unit}` : ""}`;

function cell(title, value, { unit }, absent) {
  const missing = value === null;
  return h("td", { dataset: { title } }, missing ? h("span", { class: "muted" }, absent) : words(value, unit));
}

/** Before and after of one difference; an item as a whole is there or not. */
function values(change) {
  const whole = !change.field && change.kind !== "moved";
  const [was, is] = whole ? ["there", "there"] : ["none", "none"];
  const told = whole ? [change.kind === "removed" ? was : null, change.kind === "added" ? is : null] : [change.before, change.after];
  return [cell("before", told[0], change, "not there"), cell("after", told[1], change, "not there")];
}

const row = (change) => h("tr", {}, h("th", { scope: "row" }, change.place && h("span", { class: "change-place" }, change.place), change.field && h("span", { class: "change-field" }, change.field)), values(change));

function table(group) {
  const rows = changes.filter((change) => change.group === group);
  return rows.length > 0 && h("section", { class: "panel", "aria-label": TITLES[group], dataset: { group } }, h("h2", {}, TITLES[group], h("span", { class: "muted count" }, rows.length)),
    h("table", { class: "changes" }, h("thead", {}, h("tr", {}, ["What", "Before", "After"].map((word) => h("th", { scope: "col" }, word)))), h("tbody", {}, rows.map(row))));
}

function sentence() {
  const link = (one) => h("a", { href: scanHref(one) }, one.name || one.scan_id);
  const when = (one) => one.finished_at ?? one.started_at ?? one.created_at;
  if (!since) return h("p", {}, link(scan), " ", badge(scan.status));
  return h("p", { class: "change-pair" }, link(scan), " ", badge(scan.status), " ", ago(when(scan)), h("span", { class: "muted" }, " compared with "), link(since), " ", badge(since.status), " ", ago(when(since)));
}

/** Others to compare with; the one that is shown is among them. */
function showChoice() {
  const form = byId("since-form");
  const known = since && !others.some((one) => one.scan_id === since.scan_id) ? [since, ...others] : others;
  form.hidden = known.length < 2;
  const select = form.querySelector("select");
  fill(select, known.map((one) => h("option", { value: one.scan_id, selected: one.scan_id === since?.scan_id }, `${absolute(one.finished_at ?? one.created_at)} – ${one.name || one.scan_id}`)));
  select.addEventListener("change", () => form.requestSubmit());
}

function body() {
  if (!since) return h("section", { class: "panel" }, empty("clock-history", "No good one before", `No scan called ${scan.name} was completed in this project before this one began.`));
  if (changes.length === 0) return h("section", { class: "panel" }, empty("check-lg", "Nothing changed", remarks.length > 0 ? "In what could be compared." : "Settings, plan, instruments, drivers, software, sample and terms are the same."));
  return Object.keys(TITLES).map(table);
}

fill(byId("change-scans"), sentence());
fill(byId("change-remarks"), remarks.length > 0 && h("section", { class: "notice", role: "status" }, remarks.map((text) => h("p", { class: "line" }, icon("info-circle"), h("span", { class: "grow" }, text)))));
fill(byId("changes"), body());
showChoice();
start();
