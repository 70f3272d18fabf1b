import { badge, empty, h, initialData, middle } from "../dom.js";
import { ago } from "../format.js";
import { start } from "../shell.js";
import { rowLink, Table } from "../table.js";

const { items = [] } = initialData() ?? {};
const number = (one) => one.instrument_id ?? one.id;

new Table(document.getElementById("equipment-table"), [
  { title: "Name", class: "name-cell", cell: (one) => rowLink(`/instruments/${number(one)}`, middle(one.nickname || one.name)) },
  { title: "Kind", cell: (one) => one.kind ?? one.equipment_type ?? one.type ?? "–" },
  { title: "State", cell: (one) => (one.status ? badge(one.status) : "–") },
  { title: "Driver", wide: true, cell: (one) => one.pybirch_class || "–" },
  { title: "Address", wide: true, cell: (one) => h("span", { class: "mono" }, one.adapter || "–") },
  { title: "Last heard", wide: true, cell: (one) => ago(one.updated_at) },
], {
  id: number, href: (one) => `/instruments/${number(one)}`,
  empty: empty("box-seam", "No equipment yet", "Every instrument that a station or a scan has used is kept here with its address and driver."),
}).show(items);
start();
