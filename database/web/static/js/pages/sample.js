import { get, path, post, upload, withQuery } from "../api.js";
import { mayOperate, whileInFlight } from "../actions.js";
import { byId, empty, fill, h, icon, initialData, setText } from "../dom.js";
import { showFacts } from "../facts.js";
import { askForm } from "../forms.js";
import { ago, count } from "../format.js";
import { archivedMark, change, projectLink, projectNames, sampleBody, sampleForm, sampleHref, sampleLink, tagList, toggleArchived } from "../lab-things.js";
import { toast } from "../notices.js";
import { nameColumn, ownerColumn, pointsColumn, progressColumn, scanHref, startedColumn, stateColumn } from "../scan-rows.js";
import { realtime, start } from "../shell.js";
import { Table } from "../table.js";

let sample = initialData();
let chosen = null;
const base = path("sample", sample.id);

const scans = new Table(byId("sample-scans"), [nameColumn, stateColumn, progressColumn, pointsColumn, ownerColumn, startedColumn], {
  id: (scan) => scan.scan_id, href: scanHref, steady: true,
  empty: empty("graph-up", "Not measured yet", "A scan names its sample: ", h("code", {}, `Scan(settings, sample=Sample("${sample.ID}"))`), "."),
});

function show(told) {
  sample = told;
  setText(byId("sample-name"), sample.ID);
  fill(byId("sample-archived"), archivedMark(sample));
  setText(byId("sample-archive"), sample.archived_at ? "Bring back" : "Archive");
  showFacts(byId("sample-facts"), [
    ["Material", sample.material], ["Where it stands", sample.status], ["Tags", sample.tags.length ? tagList(sample.tags) : null],
    ["Project", sample.project && projectLink(sample.project)], ["Scans", count(sample.scans)], ["Recorded", ago(sample.created_at)], ["Changed", ago(sample.updated_at)],
    ["Picture of a script", sample.image && !sample.pictures.length ? h("span", { class: "mono" }, sample.image) : null],
    ...Object.entries(sample.extra).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]),
  ]);
  const described = byId("sample-description");
  described.hidden = !sample.description;
  setText(described.querySelector("p"), sample.description);
  family("sample-parents", sample.parents, "Nothing that is recorded.");
  family("sample-children", sample.children, "Nothing yet.");
  showPictures();
  const all = byId("sample-all-scans");
  all.href = `/scans?sample_id=${sample.id}`;
  all.hidden = sample.scans === 0;
}

function family(id, samples, none) {
  fill(byId(id), samples.length ? samples.map((one) => h("li", {}, sampleLink(one))) : h("li", { class: "muted" }, none));
}

function showPictures() {
  const box = byId("sample-pictures");
  const picture = sample.pictures.find((one) => one.id === chosen) ?? sample.pictures[0];
  if (!picture) {
    fill(box, empty("eyedropper", "No pictures yet", mayOperate() ? "A picture helps to tell samples apart: press Add picture, or drop one here." : "An operator may add some."));
    return;
  }
  const caption = picture.caption || `${picture.width} × ${picture.height}`;
  fill(box, h("figure", { class: "picture" },
    h("a", { href: picture.url, target: "_blank", rel: "noopener", title: "Open in full" }, h("img", { src: sample.pictures.length && picture.width <= 2000 ? picture.url : picture.preview, alt: picture.caption || `Picture of ${sample.ID}` })),
    h("figcaption", {}, h("span", { class: "grow cut", title: caption }, caption), h("span", { class: "muted small-text" }, picture.added_by && `${picture.added_by}, `, ago(picture.created_at)), tools(picture))),
  sample.pictures.length > 1 && h("div", { class: "thumbs" }, sample.pictures.map((one) => thumb(one, one.id === picture.id))));
}

function thumb(one, current) {
  return h("button", { type: "button", class: "thumb-button", "aria-pressed": String(current), "aria-label": one.caption || "Picture", title: one.caption, on: { click: () => {
    chosen = one.id;
    showPictures();
  } } }, h("img", { class: "thumb large", src: one.preview, alt: "", loading: "lazy" }));
}

function tools(picture) {
  if (!mayOperate()) return null;
  const isCover = picture.id === sample.pictures[0].id;
  const act = (word, action) => h("button", { type: "button", class: "button small", on: { click: () => change(path("sample", sample.id, "picture", picture.id, action), show) } }, word);
  return h("span", { class: "line" }, !isCover && act("Make cover", "cover"), act("Take off", "remove"));
}

async function add(file) {
  if (!file) return;
  await whileInFlight(byId("sample-picture"), async () => {
    const before = new Set(sample.pictures.map((one) => one.id));
    const told = await upload(`${base}/pictures`, { image: file, caption: file.name.slice(0, 255) });
    chosen = told.pictures.find((one) => !before.has(one.id))?.id ?? chosen;
    show(told);
    toast("The picture is kept.");
  });
}

function bindPictures() {
  const input = h("input", { type: "file", accept: "image/png,image/jpeg,image/webp,image/gif", hidden: true, id: "picture-file" });
  document.body.append(input);
  byId("sample-picture").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    void add(input.files[0]);
    input.value = "";
  });
  const box = byId("sample-pictures");
  box.addEventListener("dragover", (event) => event.preventDefault());
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    void add(event.dataTransfer.files[0]);
  });
}

function bindActions() {
  byId("sample-actions").hidden = false;
  byId("sample-edit").addEventListener("click", async () => {
    const { updated_at: seen } = sample;
    const told = await askForm({ title: `Edit ${sample.ID}`, fields: sampleForm(sample, await projectNames(sample.project)), yes: "Save", submit: (values) => post(base, { ...sampleBody(values), seen }) });
    if (told) show(told);
  });
  byId("sample-child").addEventListener("click", async () => {
    const made = await askForm({ title: `A sample made from ${sample.ID}`, fields: sampleForm({ material: sample.material, tags: sample.tags, parents: [sample], project: sample.project }, await projectNames(sample.project)), yes: "Make it", submit: (values) => post("/api/samples", sampleBody(values)) });
    if (made) location.assign(sampleHref(made));
  });
  byId("sample-archive").addEventListener("click", () => toggleArchived(base, sample, sample.ID, show));
  bindPictures();
}

async function refresh() {
  const [told, page] = await Promise.all([get(base), get(withQuery("/api/scans", { sample_id: sample.id, limit: 20 }))]);
  if (told.updated_at !== sample.updated_at || told.scans !== sample.scans) show(told);
  scans.show(page.items);
}

show(sample);
if (mayOperate()) bindActions();
realtime.onScanStatus((event) => {
  const held = scans.row(event.scan_id);
  if (held) scans.update({ ...held, status: event.status, progress: event.progress ?? held.progress, requested: event.requested ?? null }, { tinted: held.status !== event.status });
});
realtime.onRefresh(refresh);
start();
void refresh().catch((error) => fill(byId("sample-scans"), h("p", { class: "empty" }, icon("exclamation-triangle"), error.message)));
window.pybirch.sample = { refresh };
