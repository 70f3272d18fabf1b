// A template is renamed, changed, and started into a queue, from its page.

import { get, post, withQuery } from "./api.js";
import { askForm, jsonOf } from "./forms.js";
import { words } from "./lab-things.js";
import { toast } from "./notices.js";
import { askChanges } from "./templates.js";

export function askName(template, address) {
  return askForm({
    title: `Rename ${template.name}`, yes: "Save",
    fields: [
      { name: "name", label: "Name", kind: "text", value: template.name },
      { name: "description", label: "What it is for", kind: "prose", value: template.description },
    ],
    submit: (values) => post(`${address}/change`, values),
  });
}

/** What the template makes becomes different; the version that was is kept. */
export function askSettings(template, address) {
  const text = `Version ${template.version} is kept.`;
  const save = (settings) => post(`${address}/change`, { settings, seen: template.version });
  return template.kind === "queue" ? askQueueSettings(template, text, save) : askScanSettings(template, text, save);
}

function askScanSettings({ name, settings }, text, save) {
  return askForm({
    title: `Change ${name}`, text, yes: "Save",
    fields: [
      { name: "scan_name", label: "Name of its scans", kind: "text", value: settings.scan_name },
      { name: "project_name", label: "Project", kind: "text", value: settings.project_name },
      { name: "additional_tags", label: "Tags", kind: "text", value: (settings.additional_tags ?? []).join(", "), hint: "With commas between." },
      { name: "scan_tree", label: "Tree", kind: "lines", value: json(settings.scan_tree), hint: "Positions and all other settings of the items, as JSON." },
      { name: "user_fields", label: "Fields of your own", kind: "lines", value: json(settings.user_fields ?? {}), rows: 4, hint: "As JSON." },
    ],
    submit: ({ scan_tree, user_fields, additional_tags, ...names }) => save({
      ...settings, ...names, additional_tags: words(additional_tags),
      scan_tree: jsonOf(scan_tree, "scan_tree"), user_fields: jsonOf(user_fields, "user_fields"),
    }),
  });
}

function askQueueSettings({ name, settings }, text, save) {
  return askForm({
    title: `Change ${name}`, text, yes: "Save",
    fields: [{ name: "settings", label: "Its scans, their terms, and the queue's rules", kind: "lines", value: json(settings), hint: "As JSON." }],
    submit: async (values) => {
      try {
        return await save(jsonOf(values.settings, "settings"));
      } catch (error) {
        throw error.field?.startsWith("scans") ? Object.assign(new Error(`${error.field}: ${error.message}`), { field: "settings" }) : error;
      }
    },
  });
}

const json = (value) => JSON.stringify(value, null, 2);

/** Choose a queue, say what is to be different, and go where it waits. */
export async function askStart(template) {
  const { items } = await get(withQuery("/api/queues", { limit: 500 }));
  if (items.length === 0) {
    toast("There is no queue yet: a station brings its own when it starts.", { error: true });
    return;
  }
  const queue = items.length === 1 ? items[0] : await askQueue(template, items);
  if (queue) await askChanges(template, queue.queue_id, () => location.assign(`/queues/${encodeURIComponent(queue.queue_id)}`));
}

function askQueue(template, queues) {
  const described = ({ name, queue_id, station }) => [name || queue_id, station && `of station ${station}`].filter(Boolean).join(", ");
  return askForm({
    title: `Queue ${template.name}`, yes: "Next",
    fields: [{ name: "queue", label: "Queue", kind: "choice", value: "0", choices: queues.map((one, i) => [String(i), described(one)]) }],
    submit: async ({ queue }) => queues[Number(queue)],
  });
}
