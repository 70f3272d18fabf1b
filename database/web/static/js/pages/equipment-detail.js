import { get, path, post } from "../api.js";
import { badge, byId, empty, fill, h, icon, initialData, setText, showBadge } from "../dom.js";
import { showFacts } from "../facts.js";
import { askForm } from "../forms.js";
import { ago, number } from "../format.js";
import { archivedMark, change, day, dueMark, forOperators, toggleArchived } from "../lab-things.js";
import { mayOperate } from "../actions.js";
import { ask } from "../notices.js";
import { realtime, start } from "../shell.js";
import { Table } from "../table.js";

let equipment = initialData();
const base = path("equipment", equipment.instrument_id);

const found = (parameters) => Object.entries(parameters).map(([name, value]) => `${name} ${typeof value === "number" ? number(value) : String(value)}`).join(", ");
const common = [
  { title: "When", class: "date-cell titled", same: (one) => one.performed_at, cell: (one) => day(one.performed_at) },
  { title: "By", class: "word-cell titled", same: (one) => one.performed_by, cell: (one) => one.performed_by || "–" },
  { title: "Due again", class: "date-cell titled", same: (one) => one.due_at, cell: (one) => day(one.due_at) },
];
const notes = { title: "Notes", class: "notes-cell titled", same: (one) => one.notes, cell: (one) => one.notes || "–" };

function takeBack(kind) {
  return { title: "", class: "undo-cell", cell: (one) => mayOperate() && h("button", { type: "button", class: "button small quiet", title: "Noted by mistake", "aria-label": "Noted by mistake", on: { click: async () => {
    const sure = await ask({ title: "Noted by mistake?", text: "The entry leaves the list; the record keeps it as archived.", yes: "Take it back" });
    if (sure) await change(path("equipment", equipment.instrument_id, kind, one.id, "archive"), show);
  } } }, icon("x")) };
}

const calibrations = new Table(byId("equipment-calibrations"), [...common,
  { title: "Certificate", class: "word-cell titled", same: (one) => one.certificate, cell: (one) => one.certificate || "–" },
  { title: "Found", class: "notes-cell titled", same: (one) => found(one.parameters), cell: (one) => found(one.parameters) || "–" }, notes, takeBack("calibration")], {
  id: (one) => one.id, steady: true, empty: empty("tools", "Not calibrated yet", "Add calibration keeps when, by whom, with what result, and when it is due again."),
});
const maintenance = new Table(byId("equipment-maintenance"), [{ title: "What", class: "name-cell", same: (one) => one.what, cell: (one) => one.what }, ...common, notes, takeBack("maintenance")], {
  id: (one) => one.id, steady: true, empty: empty("tools", "No maintenance yet", "Add maintenance keeps what was done, and when it is due again."),
});
const history = new Table(byId("equipment-history"), [
  { title: "Since", class: "word-cell", cell: (one) => ago(one.timestamp) },
  { title: "State", class: "state-cell", cell: (one) => badge(one.status) },
  { title: "Error", class: "notes-cell", cell: (one) => one.error || "" },
], { id: (one) => one.timestamp + one.status, empty: empty("clock-history", "No changes yet", "Each change of its state is noted here.") });

function show(told) {
  equipment = told;
  fill(byId("equipment-state"), archivedMark(equipment), h("span", { id: "equipment-badge" }));
  showBadge(byId("equipment-badge"), equipment.status);
  setText(byId("equipment-archive"), equipment.archived_at ? "Bring back" : "Archive");
  fill(byId("equipment-due"), equipment.all_due.map((one) => h("div", { class: `notice ${one.overdue ? "error" : "warning"}` }, h("div", { class: "line" }, icon("tools"), dueMark(one)))));
  showFacts(byId("equipment-facts"), [
    ["Name", equipment.name], ["Kind", equipment.kind], ["Manufacturer", equipment.manufacturer], ["Model", equipment.model],
    ["Serial number", equipment.serial_number], ["Place", equipment.location], ["Driver", equipment.pybirch_class],
    ["Address", equipment.adapter ? h("span", { class: "mono" }, equipment.adapter) : null],
    ["Recorded", ago(equipment.created_at)], ["Last heard", ago(equipment.updated_at)],
  ]);
  const described = byId("equipment-description");
  described.hidden = !equipment.description;
  setText(described.querySelector("p"), equipment.description);
  const settings = byId("equipment-settings");
  settings.hidden = Object.keys(equipment.specifications ?? {}).length === 0;
  setText(settings.querySelector("pre"), JSON.stringify(equipment.specifications, null, 2));
  calibrations.show(equipment.calibrations);
  maintenance.show(equipment.maintenance);
  history.show(equipment.history);
}

const soon = () => new Date(Date.now() + 365 * 86_400_000).toISOString();
const work = () => [
  { name: "performed_at", label: "When", kind: "moment", value: new Date().toISOString() },
  { name: "performed_by", label: "By", kind: "text", value: "", hint: "You, where it is left empty." },
  { name: "due_at", label: "Due again", kind: "moment", value: soon(), hint: "Empty: never." },
];

/** "gain = 1.02" a line -> {gain: 1.02}. */
function parsed(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf("=");
    if (at < 1) throw Object.assign(new Error(`"${line}" has no name and value with = between.`), { field: "parameters" });
    const value = line.slice(at + 1).trim();
    return [line.slice(0, at).trim(), value !== "" && Number.isFinite(Number(value)) ? Number(value) : value];
  }));
}

async function form(options) {
  const told = await askForm(options);
  if (told) show(told);
}

forOperators(...document.querySelectorAll("#equipment-actions .operate"));
byId("equipment-edit").addEventListener("click", () => form({
  title: "Edit", yes: "Save", text: equipment.pybirch_class ? "Name, address and driver are what its station says." : "",
  fields: [
    { name: "manufacturer", label: "Manufacturer", kind: "text", value: equipment.manufacturer },
    { name: "model", label: "Model", kind: "text", value: equipment.model },
    { name: "serial_number", label: "Serial number", kind: "text", value: equipment.serial_number },
    { name: "location", label: "Place", kind: "text", value: equipment.location },
    { name: "description", label: "Description", kind: "prose", value: equipment.description },
  ],
  submit: (values) => post(base, values),
}));
byId("equipment-calibrate").addEventListener("click", () => form({
  title: "Add calibration", yes: "Keep it",
  fields: [...work(), { name: "certificate", label: "Certificate", kind: "text", value: "" },
    { name: "parameters", label: "What was found", kind: "prose", value: "", hint: "A line each: offset (mV) = 0.12" },
    { name: "notes", label: "Notes", kind: "prose", value: "" }],
  submit: (values) => post(`${base}/calibrations`, { ...values, parameters: parsed(values.parameters) }),
}));
byId("equipment-maintain").addEventListener("click", () => form({
  title: "Add maintenance", yes: "Keep it",
  fields: [{ name: "what", label: "What was done", kind: "text", value: "", hint: "The next entry of the same words takes this one's place among what is due." }, ...work(), { name: "notes", label: "Notes", kind: "prose", value: "" }],
  submit: (values) => post(`${base}/maintenance`, values),
}));
byId("equipment-archive").addEventListener("click", () => toggleArchived(base, equipment, equipment.nickname || equipment.name, show));

show(equipment);
realtime.onInstrumentStatus((event) => event.instrument_id === equipment.instrument_id && showBadge(byId("equipment-badge"), event.status));
realtime.onRefresh(async () => {
  const told = await get(base);
  if (JSON.stringify(told) !== JSON.stringify(equipment)) show(told);
});
start();
window.pybirch.equipment = () => equipment;
