import { post } from "../api.js";
import { byId, empty, h, icon, initialData, middle } from "../dom.js";
import { askForm } from "../forms.js";
import { ago } from "../format.js";
import { forOperators, marked, projectNames, sampleBody, sampleForm, sampleHref, tagList } from "../lab-things.js";
import { ListPage } from "../list-page.js";
import { realtime, start } from "../shell.js";
import { rowLink } from "../table.js";

const cover = (sample) => (sample.cover ? h("img", { class: "thumb", src: sample.cover.preview, alt: "", loading: "lazy", width: 28, height: 28 }) : h("span", { class: "thumb none" }, icon("eyedropper")));

const page = new ListPage("samples", [
  { title: "", class: "thumb-cell", same: (sample) => sample.cover?.id ?? "", cell: cover },
  { title: "Sample", class: "name-cell", sort: "ID", same: (sample) => `${sample.ID} ${sample.archived_at}`, cell: (sample) => marked(rowLink(sampleHref(sample), middle(sample.ID)), sample) },
  { title: "Material", class: "kind-cell", sort: "material", same: (sample) => sample.material, cell: (sample) => sample.material || "–" },
  { title: "Tags", class: "tags-cell", same: (sample) => sample.tags.join(), cell: (sample) => tagList(sample.tags) },
  { title: "Where", class: "word-cell", wide: true, sort: "status", same: (sample) => sample.status, cell: (sample) => h("span", { class: "muted" }, sample.status || "–") },
  { title: "Changed", class: "word-cell", wide: true, sort: "updated_at", downFirst: true, same: (sample) => sample.updated_at, cell: (sample) => ago(sample.updated_at) },
], {
  id: (sample) => sample.id, href: sampleHref, steady: true,
  empty: empty("eyedropper", "No samples yet", "A sample is recorded with the first scan made on it: ", h("code", {}, 'Scan(settings, sample=Sample("S-001", "silicon"))'), ", or here with ", h("strong", {}, "New sample"), "; a whole list comes in with ", h("code", {}, "pybirch import samples.csv"), "."),
});

forOperators(byId("sample-new"));
byId("sample-new").addEventListener("click", async () => {
  const made = await askForm({ title: "New sample", fields: sampleForm(null, await projectNames()), yes: "Make it", submit: (values) => post("/api/samples", sampleBody(values)) });
  if (made) location.assign(sampleHref(made));
});
realtime.onRefresh(() => page.refresh());
const initial = initialData();
if (initial?.items) page.show(initial);
start();
window.pybirch.samples = page;
