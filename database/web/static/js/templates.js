// Templates: a scan or queue is kept as one, and queued anew with the fields people change most.

import { get, path, post, withQuery } from "./api.js";
import { askForm } from "./forms.js";
import { plural } from "./format.js";
import { toast } from "./notices.js";

const MOST_FIELDS = 40;
const PARTS = { linear: ["start", "stop", "num"], logarithmic: ["start", "stop", "num"], around: ["centre", "span", "num"], range: ["start", "stop", "step"] };
const PART_WORDS = { start: "from", stop: "to", num: "number of positions", centre: "centre", span: "span", step: "step" };

/** Keep a stored scan ("scans") or queue ("queues") as a template. */
export function askSaveTemplate(kind, source, name) {
  return askForm({
    title: "Save as template", yes: "Save",
    text: kind === "scans" ? "Its settings and tree, to be queued again with changes. The sample is asked for each time." : "Its scans, their order and terms, to be queued again with changes.",
    fields: [
      { name: "name", label: "Name", kind: "text", value: name },
      { name: "description", label: "What it is for", kind: "text", value: "" },
    ],
    submit: async (values) => {
      const made = await post(path("templates", kind), { ...values, source });
      toast(`The template ${made.name} is there: “Add from template …” on a queue's page.`);
      return made;
    },
  });
}

/** Choose a template, say what is to be different, and queue its scans. */
export async function askAddFromTemplate(queueId, take) {
  const [scans, queues] = await Promise.all(["scans", "queues"].map((kind) => get(withQuery(path("templates", kind), { limit: 500 }))));
  const all = [...scans.items.map((one) => ["scans", one]), ...queues.items.map((one) => ["queues", one])];
  if (all.length === 0) {
    toast("There is no template yet. Make one with “Save as template …” in the menu of a scan's page.");
    return null;
  }
  const chosen = await askForm({
    title: "Add from template", yes: "Next",
    fields: [{ name: "template", label: "Template", kind: "choice", value: "0", choices: all.map(([, one], i) => [String(i), wordsOf(one)]) }],
    submit: ({ template }) => {
      const [kind, one] = all[Number(template)];
      return get(path("templates", kind, one.id));
    },
  });
  return chosen && askChanges(chosen, queueId, take);
}

const wordsOf = (one) => [one.name, one.kind === "queue" ? plural(one.scans, "scan") : "", one.description].filter(Boolean).join(" – ");

/** Say what is to be different, and queue a template's scans; `take` gets the queue that comes back. */
export async function askChanges(template, queueId, take) {
  const samples = (await get(withQuery("/api/samples", { limit: 1000, sort: "ID" }))).items;
  const fields = template.kind === "queue" ? fieldsOfQueue(template.settings) : fieldsOfScan(template.settings);
  const sample = {
    name: "sample", label: "Sample", kind: "choice", value: "",
    choices: [["", template.kind === "queue" ? "as kept" : "none"], ...samples.map((one) => [one.ID, [one.ID, one.material].filter(Boolean).join(" – ")])],
  };
  const [first, ...rest] = fields;
  return askForm({
    title: `Add ${template.name}`, yes: "Queue it", text: [`Version ${template.version}.`, template.description].filter(Boolean).join(" "),
    fields: [first, sample, ...rest],
    submit: async ({ sample: chosen, ...values }) => {
      const changes = Object.fromEntries(fields.filter((field) => !same(values[field.name], field.given)).map((field) => [field.name, values[field.name]]));
      const answer = await post(path("queue", queueId, "add"), { kind: template.kind, template: template.id, changes, sample: chosen || null });
      take(answer.queue);
      toast(`${plural(answer.added.length, "scan")} put at the end of the queue.`);
      return answer;
    },
  });
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function fieldsOfScan(settings, prefix = "", of = "") {
  const name = { name: `${prefix}scan_name`, label: of ? `Name of ${of}` : "Name", kind: "text", value: settings.scan_name, given: settings.scan_name };
  return [name, ...fieldsOfTree(settings.scan_tree ?? [], `${prefix}scan_tree`, of)].slice(0, MOST_FIELDS);
}

function fieldsOfQueue({ scans }) {
  const all = scans.flatMap((one, i) => fieldsOfScan(one.settings, `scans[${i}].`, one.settings.scan_name));
  return all.length <= MOST_FIELDS ? all : all.filter((field) => field.name.endsWith(".scan_name"));
}

function fieldsOfTree(items, at, of) {
  return items.flatMap((item, i) => {
    const here = `${at}[${i}]`;
    const who = [item.instrument?.nickname || item.instrument?.name || item.type, of && `in ${of}`].filter(Boolean).join(" ");
    return [
      ...positionFields(item, here, who),
      ...Object.entries(item.settings ?? {}).map(([key, value]) => valueField(`${here}.settings.${key}`, `${who}: ${key}`, value)).filter(Boolean),
      ...fieldsOfTree(item.children ?? [], `${here}.children`, of), ...fieldsOfTree(item.otherwise ?? [], `${here}.otherwise`, of),
    ];
  });
}

function positionFields({ positions, instrument }, here, who) {
  const unit = instrument?.position_units ? ` (${instrument.position_units})` : "";
  if (Array.isArray(positions)) {
    return [{ name: `${here}.positions`, label: `${who}: positions${unit}`, kind: "numbers", value: positions.join(", "), given: positions, hint: "With commas between." }];
  }
  const [form, numbers] = Object.entries(positions ?? {})[0] ?? [];
  return (PARTS[form] ?? []).map((part, i) => ({
    name: `${here}.positions.${part}`, label: `${who}: ${PART_WORDS[part]}${part === "num" ? "" : unit}`, kind: "number", step: "any", value: numbers[i], given: numbers[i],
  }));
}

function valueField(name, label, value) {
  switch (typeof value) {
    case "number": return { name, label, kind: "number", step: "any", value, given: value };
    case "string": return { name, label, kind: "text", value, given: value };
    case "boolean": return { name, label, kind: "yes", value: String(value), given: value, choices: [["true", "yes"], ["false", "no"]] };
    default: return null;
  }
}
