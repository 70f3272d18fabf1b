import { empty, h, initialData, middle } from "../dom.js";
import { ago } from "../format.js";
import { start } from "../shell.js";
import { Table } from "../table.js";

const { items = [] } = initialData() ?? {};
const tags = (sample) => sample.tags ?? sample.additional_tags ?? [];

new Table(document.getElementById("samples-table"), [
  { title: "Sample", class: "name-cell", cell: (sample) => middle(sample.ID ?? sample.sample_id ?? sample.id) },
  { title: "Material", cell: (sample) => sample.material || "–" },
  { title: "Tags", wide: true, cell: (sample) => tags(sample).map((tag) => h("span", { class: "tag" }, tag)) },
  { title: "Made", wide: true, cell: (sample) => ago(sample.created_at) },
], {
  id: (sample) => sample.id ?? sample.ID,
  empty: empty("eyedropper", "No samples yet", "A sample is recorded with the first scan made on it: ", h("code", {}, 'Scan(settings, sample=Sample("S-001", "silicon"))'), "."),
}).show(items);
start();
