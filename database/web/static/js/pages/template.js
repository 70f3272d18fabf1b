import { mayOperate, whileInFlight } from "../actions.js";
import { get, path, post, withQuery } from "../api.js";
import { byId, fill, h, icon, initialData, setText } from "../dom.js";
import { showFacts } from "../facts.js";
import { ago, plural } from "../format.js";
import { archivedMark, change } from "../lab-things.js";
import { ask, toast } from "../notices.js";
import { planOf } from "../plan.js";
import { realtime, start } from "../shell.js";
import { askName, askSettings, askStart } from "../template-edits.js";

let template = initialData();
const base = path("templates", `${template.kind}s`, template.id);

function show(told) {
  template = told;
  setText(byId("template-name"), template.name);
  byId("template-name").title = template.name;
  document.title = `${template.name} · PyBirch`;
  fill(byId("template-archived"), archivedMark(template));
  setText(byId("template-archive"), template.archived_at ? "Bring back" : "Archive");
  byId("template-start").hidden = Boolean(template.archived_at);
  const described = byId("template-description");
  described.hidden = !template.description;
  setText(described.querySelector("p"), template.description);
  showFacts(byId("template-facts"), [
    ["Makes", template.kind === "queue" ? plural(template.scans, "scan") : null],
    ["Project", template.settings.project_name], ["Name of its scans", template.settings.scan_name],
    ["Owner", template.owner], ["Version", template.version], ["Made", ago(template.created_at)],
  ]);
  showVersions();
  showSettings(template.settings);
}

/** These settings, of the present version unless `old` says of which. */
function showSettings(settings, old = null) {
  fill(byId("template-old"), old && h("section", { class: "notice warning", role: "status" }, h("div", { class: "line" }, icon("clock-history"),
    h("span", { class: "grow" }, `This is version ${old}.`), h("button", { type: "button", class: "button small", on: { click: () => showSettings(template.settings) } }, `Show version ${template.version} again`))));
  fill(byId("template-plan"), template.kind === "queue" ? scansOf(settings) : h("div", { class: "tree" }, planOf(settings.scan_tree)));
  setText(byId("template-settings"), JSON.stringify(settings, null, 2));
}

function scansOf({ scans }) {
  return scans.map(({ settings, sample }, i) => h("details", { class: "fold", open: scans.length === 1 }, h("summary", {}, h("span", { class: "cut" }, `${i + 1}. ${settings.scan_name || "a scan"}`), h("span", { class: "muted cut" }, sample?.ID ?? "")), h("div", { class: "tree" }, planOf(settings.scan_tree))));
}

function showVersions() {
  const earlier = [...template.versions].reverse();
  fill(byId("template-versions"), h("li", {}, h("span", { class: "grow" }, `Version ${template.version}`, h("span", { class: "muted" }, ", the present one"))),
    earlier.map((one) => h("li", {}, h("span", { class: "grow" }, `Version ${one.version}`, h("span", { class: "muted small-text" }, ", replaced ", ago(one.replaced_at), one.by && ` by ${one.by}`)), tools(one.version))));
}

function tools(version) {
  const look = h("button", { type: "button", class: "button small", "aria-label": `Look at version ${version}`, on: { click: () => whileInFlight(look, async () => showSettings((await old(version)).settings, version)) } }, "Look");
  const take = mayOperate() && h("button", { type: "button", class: "button small", "aria-label": `Take up version ${version} again`, on: { click: () => whileInFlight(take, () => takeUp(version)) } }, "Take up");
  return h("span", { class: "line" }, look, " ", take);
}

const old = (version) => get(withQuery(base, { version }));

async function takeUp(version) {
  if (!(await ask({ title: `Take up version ${version} again?`, text: `It becomes version ${template.version + 1}; all others are kept.`, yes: "Take it up" }))) return;
  const { settings } = await old(version);
  show(await post(`${base}/change`, { settings, seen: template.version }));
}

async function archive() {
  const archived = !template.archived_at;
  const sure = !archived || (await ask({ title: `Archive ${template.name}?`, text: "It leaves the lists and cannot be chosen on a queue's page. Nothing of it is lost, and it can be brought back.", yes: "Archive" }));
  if (sure) await change(`${base}/archive`, show, { archived });
}

async function asked(question) {
  const told = await question(template, base);
  if (told) show(told);
}

show(template);
byId("template-actions").hidden = !mayOperate();
byId("template-start").addEventListener("click", () => void whileInFlight(byId("template-start"), () => askStart(template)));
byId("template-rename").addEventListener("click", () => void asked(askName));
byId("template-change").addEventListener("click", () => void asked(askSettings));
byId("template-archive").addEventListener("click", () => void archive());
realtime.onRefresh(async () => {
  const told = await get(base);
  if (JSON.stringify(told) === JSON.stringify(template)) return;
  if (told.version !== template.version) toast(`Somebody has changed this template: it is version ${told.version} now.`);
  show(told);
});
start();
window.pybirch.template = () => template;
