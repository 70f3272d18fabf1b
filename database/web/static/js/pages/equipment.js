import { post } from "../api.js";
import { badge, byId, empty, h, initialData, middle } from "../dom.js";
import { askForm } from "../forms.js";
import { ago } from "../format.js";
import { dueMark, equipmentHref, forOperators, marked } from "../lab-things.js";
import { ListPage } from "../list-page.js";
import { realtime, start } from "../shell.js";
import { rowLink } from "../table.js";

const page = new ListPage("equipment", [
  { title: "Name", class: "name-cell", sort: "nickname", same: (one) => `${one.nickname} ${one.archived_at}`, cell: (one) => marked(rowLink(equipmentHref(one), middle(one.nickname || one.name)), one) },
  { title: "State", class: "state-cell", same: (one) => one.status, cell: (one) => badge(one.status) },
  { title: "Model", class: "kind-cell", wide: true, sort: "model", same: (one) => `${one.manufacturer} ${one.model} ${one.pybirch_class}`, cell: (one) => h("span", { title: one.pybirch_class }, [one.manufacturer, one.model].filter(Boolean).join(" ") || one.pybirch_class || "–") },
  { title: "Address", class: "kind-cell", wide: true, same: (one) => one.adapter, cell: (one) => (one.adapter ? h("span", { class: "mono", title: one.adapter }, one.adapter) : "–") },
  { title: "Place", class: "word-cell", wide: true, sort: "location", same: (one) => one.location, cell: (one) => one.location || "–" },
  { title: "Due", class: "due-cell", same: (one) => JSON.stringify(one.due), cell: (one) => dueMark(one.due) },
  { title: "Last heard", class: "word-cell", wide: true, same: (one) => one.updated_at, cell: (one) => ago(one.updated_at) },
], {
  id: (one) => one.instrument_id, href: equipmentHref, steady: true,
  empty: empty("box-seam", "No equipment yet", "Every instrument that a station or a scan has used is kept here with its address and driver. Others are added with ", h("strong", {}, "New equipment"), " or all at once with ", h("code", {}, "pybirch import equipment.csv"), "."),
});

forOperators(byId("equipment-new"));
byId("equipment-new").addEventListener("click", async () => {
  const made = await askForm({
    title: "New equipment", yes: "Make it", text: "What a station uses comes here by itself.",
    fields: [
      { name: "name", label: "Name", kind: "text", value: "" },
      { name: "kind", label: "Kind", kind: "choice", value: "measurement", choices: [["measurement", "measures"], ["movement", "moves or is set"]] },
      { name: "manufacturer", label: "Manufacturer", kind: "text", value: "" },
      { name: "model", label: "Model", kind: "text", value: "" },
      { name: "serial_number", label: "Serial number", kind: "text", value: "" },
      { name: "location", label: "Place", kind: "text", value: "" },
      { name: "adapter", label: "Address", kind: "text", value: "", hint: "For example GPIB0::22::INSTR; empty where it has none." },
    ],
    submit: (values) => post("/api/equipment", values),
  });
  if (made) location.assign(equipmentHref(made));
});
realtime.onInstrumentStatus((event) => {
  const held = page.table.row(event.instrument_id);
  if (held && held.status !== event.status) page.table.update({ ...held, status: event.status });
});
realtime.onRefresh(() => page.refresh());
const initial = initialData();
if (initial?.items) page.show(initial);
start();
window.pybirch.equipment = page;
