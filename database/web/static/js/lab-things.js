// What the pages of samples, equipment and projects share: forms, words with commas, days.

import { mayOperate } from "./actions.js";
import { get, post, withQuery } from "./api.js";
import { h, middle } from "./dom.js";
import { absolute } from "./format.js";
import { ask, toast } from "./notices.js";

export const sampleHref = (sample) => `/samples/${sample.id}`;
export const equipmentHref = (one) => `/equipment/${one.instrument_id}`;
export const projectHref = (project) => `/projects/${project.id}`;

/** "a, b" -> ["a", "b"]. */
export const words = (text) => text.split(",").map((word) => word.trim()).filter(Boolean);

export const tagList = (tags) => h("span", { class: "tags" }, tags.map((tag) => h("a", { class: "tag", href: `/samples?tag=${encodeURIComponent(tag)}` }, tag)));

export const archivedMark = (thing) => thing.archived_at && h("span", { class: "tag quiet", title: `since ${absolute(thing.archived_at)}` }, "archived");

/** The name of a thing, with the mark behind it where it is archived. */
export const marked = (link, thing) => (thing.archived_at ? h("span", { class: "marked" }, link, archivedMark(thing)) : link);

/** A day, with the whole moment on hover. */
export function day(iso) {
  if (!iso) return "–";
  const text = new Date(iso).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return h("time", { datetime: iso, title: absolute(iso) }, text);
}

/** What is due, in words and colour. */
export function dueMark(due) {
  if (!due) return null;
  return h("span", { class: `due${due.overdue ? " overdue" : ""}`, title: absolute(due.due_at) }, due.what || due.kind, due.overdue ? " overdue since " : " due ", day(due.due_at));
}

export const sampleLink = (sample) => [h("a", { href: sampleHref(sample) }, middle(sample.ID), sample.material && h("span", { class: "muted" }, ` ${sample.material}`)), " ", archivedMark(sample)];

export const projectLink = (project) => [h("a", { href: projectHref(project) }, middle(project.name)), " ", archivedMark(project)];

/** Call the server, show what comes back, say what went wrong. */
export async function change(address, show, body = {}) {
  try {
    show(await post(address, body));
  } catch (error) {
    toast(error.message, { error: true });
  }
}

/** Archive after a question, in which `more` is said too, or take back out of the archive. */
export async function toggleArchived(base, thing, name, show, more = "") {
  if (thing.archived_at) {
    await change(`${base}/restore`, show);
    return;
  }
  const sure = await ask({ title: `Archive ${name}?`, text: `It leaves the lists. Everything that was recorded of it stays, and it can be brought back. ${more}`.trim(), yes: "Archive" });
  if (sure) await change(`${base}/archive`, show);
}

/** What a sample's form lets choose from: the names of the projects there are, and that of its own. */
export async function projectNames(own = null) {
  const { items } = await get(withQuery("/api/projects", { limit: 1000 })).catch(() => ({ items: [] }));
  return [...new Set([...items.map((one) => one.name), ...(own ? [own.name] : [])])];
}

/** The form of a sample: a new one, or an old one with its values. */
export function sampleForm(sample, projects) {
  const choices = [["", "none"], ...projects.map((name) => [name, name])];
  return [
    ...(sample?.ID ? [] : [{ name: "ID", label: "Name, as it is written on the box", kind: "text", value: "" }]),
    { name: "material", label: "Material", kind: "text", value: sample?.material ?? "" },
    { name: "tags", label: "Tags", kind: "text", value: (sample?.tags ?? []).join(", "), hint: "With commas between." },
    { name: "status", label: "Where it stands", kind: "text", value: sample?.status ?? "", hint: "For example: in the box, mounted, broken." },
    ...(projects.length ? [{ name: "project", label: "Project", kind: "choice", value: sample?.project?.name ?? "", choices }] : []),
    { name: "parents", label: "Made from", kind: "text", value: (sample?.parents ?? []).map((one) => one.ID).join(", "), hint: "Names of samples, with commas between." },
    { name: "description", label: "Description", kind: "prose", value: sample?.description ?? "" },
  ];
}

export const sampleBody = (values) => ({ ...values, tags: words(values.tags), parents: words(values.parents) });

/** Show these buttons to those who may use them. */
export function forOperators(...buttons) {
  for (const button of buttons) button.hidden = !mayOperate();
}
