// Editing a queue: what a scan's menu offers, and the rules of the queue.

import { mayOperate, whileInFlight } from "./actions.js";
import { get, path, post } from "./api.js";
import { h, icon } from "./dom.js";
import { askForm, jsonOf } from "./forms.js";
import { clock } from "./format.js";
import { ask, toast } from "./notices.js";
import { isFinished } from "./progress.js";

/** On what terms a scan runs, in words; empty for the usual ones. */
export function termsText(scan, scans) {
  const terms = scan.terms ?? {};
  const waits = scan.status === "queued";
  return [
    waits && terms.priority && `priority ${terms.priority}`,
    waits && terms.not_before && new Date(terms.not_before) > new Date() && `not before ${clock(terms.not_before)}`,
    waits && terms.after?.length && `after ${terms.after.map((id) => scans.get(id)?.name ?? id).join(", ")}`,
    terms.group && !scans.has(terms.group) && `group ${terms.group}`,
    terms.rounds !== undefined && (terms.rounds === 0 ? `round ${terms.round ?? 1}, until stopped` : `round ${terms.round ?? 1} of ${terms.rounds}`),
    terms.attempt > 1 && `try ${terms.attempt}`,
  ].filter(Boolean).join(" · ");
}

/** The queue's rules, in words. */
export function rulesText({ policy = {} }) {
  const tries = policy.retries ? `try again ${policy.retries === 1 ? "once" : `${policy.retries} times`}${policy.retry_delay ? ` after ${policy.retry_delay} s` : ""}, then ` : "";
  return {
    failure: `${tries}${policy.on_failure === "stop" ? "stop the queue" : "go on with the next"}`,
    interrupted: INTERRUPTED.find(([key]) => key === policy.on_interrupted)?.[1] ?? "",
  };
}

const INTERRUPTED = [["ask", "ask; nothing moves before"], ["resume", "resume and go on"], ["restart", "run it again and go on"], ["leave", "leave it"]];

/** @param manager the page's QueueRealtimeManager */
export class QueueEdits {
  constructor(manager) {
    this.manager = manager;
  }

  /** Do one edit on the queue as it is shown; who was overtaken by somebody is told, and sees the queue anew. */
  async edit(action, body, { revised = true } = {}) {
    const { queue } = this.manager;
    try {
      const answer = await post(path("queue", queue.queue_id, action), revised ? { ...body, revision: queue.revision } : body);
      this.manager.take(answer.queue);
      return answer;
    } catch (error) {
      if (error.status === 409) void this.manager.refresh().catch(() => {});
      throw error;
    }
  }

  /** The three dots behind a scan. */
  menu(scan) {
    if (!mayOperate()) return null;
    const items = h("div", { class: "menu-items", role: "menu" });
    const menu = h("details", { class: "menu row-menu" }, h("summary", { title: "More", "aria-label": `More for ${scan.name}` }, icon("three-dots")), items);
    menu.addEventListener("toggle", () => {
      if (!menu.open) return;
      items.replaceChildren(...this.items(scan).map(([word, symbol, run, danger]) => {
        const item = h("button", { type: "button", role: "menuitem", class: `menu-item${danger ? " danger" : ""}` }, icon(symbol), word);
        item.addEventListener("click", () => {
          menu.open = false;
          void whileInFlight(menu.querySelector("summary"), run);
        });
        return item;
      }));
      place(items, menu);
    });
    menu.addEventListener("click", (event) => event.stopPropagation());
    return menu;
  }

  items(held) {
    const scan = this.manager.scans.get(held.scan_id) ?? held;
    const items = [];
    if (scan.status === "queued") {
      items.push(...this.moves(scan));
      items.push(["When it runs …", "clock-history", () => this.askTerms(scan)], ["Repeat …", "arrow-repeat", () => this.askRounds(scan)]);
    }
    items.push(["Duplicate …", "copy", () => this.askDuplicate(scan)]);
    if (scan.terms?.rounds === 0 || scan.terms?.rounds > (scan.terms?.round ?? 1)) {
      items.push(["Last round", "stop-circle", () => this.edit("terms", { scan_id: scan.scan_id, terms: { rounds: scan.terms.round ?? 1 } })]);
    }
    if (scan.status === "queued" || isFinished(scan.status)) items.push(["Take out of the queue", "x-lg", () => this.remove(scan), true]);
    return items;
  }

  moves(scan) {
    const waiting = [...this.manager.scans.values()].filter((one) => one.status === "queued").map((one) => one.scan_id);
    const at = waiting.indexOf(scan.scan_id);
    const move = (before) => () => this.edit("move", { scan_id: scan.scan_id, before });
    return [
      at > 0 && ["Run first", "chevron-double-up", move(waiting[0])],
      at > 0 && ["Move up", "chevron-up", move(waiting[at - 1])],
      at < waiting.length - 1 && ["Move down", "chevron-down", move(waiting[at + 2] ?? null)],
    ].filter(Boolean);
  }

  async remove(scan) {
    const text = scan.status === "queued" ? "It is not run." : "What it measured is kept, and found under Scans.";
    if (await ask({ title: `Take ${scan.name} out of the queue?`, text, yes: "Take out", danger: true })) await this.edit("remove", { scan_id: scan.scan_id });
  }

  askTerms(scan) {
    const terms = scan.terms ?? {};
    const others = [...this.manager.scans.values()].filter((one) => one.scan_id !== scan.scan_id && (!isFinished(one.status) || terms.after?.includes(one.scan_id)));
    return askForm({
      title: `When ${scan.name} runs`, yes: "Set",
      fields: [
        { name: "priority", label: "Priority", kind: "number", value: terms.priority ?? 0, min: -1000, max: 1000, hint: "The higher number goes first; equals go as they stand." },
        { name: "not_before", label: "Not before", kind: "moment", value: terms.not_before, hint: "On this computer's clock. The queue must be started; it waits." },
        { name: "after", label: "After these are completed", kind: "several", value: terms.after ?? [], choices: others.map((one) => [one.scan_id, one.name]) },
      ],
      submit: (values) => this.edit("terms", { scan_id: scan.scan_id, terms: values }),
    });
  }

  askRounds(scan) {
    const terms = scan.terms ?? {};
    const waiting = [...this.manager.scans.values()].filter((one) => one.status === "queued");
    const mine = waiting.filter((one) => one.scan_id === scan.scan_id || (terms.group && one.terms?.group === terms.group)).map((one) => one.scan_id);
    return askForm({
      title: "Repeat", text: "What is repeated together is a group: its next round begins when all of it has ended.", yes: "Set",
      fields: [
        { name: "rounds", label: "Rounds", kind: "number", value: terms.rounds ?? 1, min: 0, hint: "0: until somebody stops it." },
        { name: "group", label: "Name of the group", kind: "text", value: terms.group && !this.manager.scans.has(terms.group) ? terms.group : scan.name },
        { name: "scan_ids", label: "Scans", kind: "several", value: mine, choices: waiting.map((one) => [one.scan_id, one.name]) },
      ],
      submit: (values) => this.edit("group", values),
    });
  }

  async askDuplicate(scan) {
    const whole = await get(path("scan", scan.scan_id));
    return askForm({
      title: `Duplicate ${scan.name}`, text: "A new scan at the end of the queue, with these settings.", yes: "Queue it",
      fields: [
        { name: "scan_name", label: "Name", kind: "text", value: scan.name },
        { name: "additional_tags", label: "Tags", kind: "text", value: (whole.settings.additional_tags ?? []).join(", "), hint: "With commas between." },
        { name: "scan_tree", label: "Tree", kind: "lines", value: JSON.stringify(whole.settings.scan_tree, null, 2), hint: "Positions and all other settings of the items, as JSON." },
      ],
      submit: async ({ scan_name, additional_tags, scan_tree }) => {
        const tags = additional_tags.split(",").map((tag) => tag.trim()).filter(Boolean);
        const settings = { scan_name, additional_tags: tags, scan_tree: jsonOf(scan_tree, "scan_tree") };
        const answer = await this.edit("duplicate", { scan_id: scan.scan_id, settings }, { revised: false });
        toast(`${scan_name} was put at the end of the queue.`);
        return answer;
      },
    });
  }

  askRules() {
    const { policy = {}, mode } = this.manager.queue;
    return askForm({
      title: "Rules of this queue", yes: "Set",
      fields: [
        { name: "mode", label: "Order", kind: "choice", value: mode, choices: [["serial", "one after another"], ["parallel", "in parallel, as far as instruments allow"]] },
        { name: "retries", label: "When a scan fails, try again so often", kind: "number", value: policy.retries ?? 0, min: 0, max: 1000 },
        { name: "retry_delay", label: "after so many seconds", kind: "number", value: policy.retry_delay ?? 0, min: 0, step: "any" },
        { name: "on_failure", label: "and then", kind: "choice", value: policy.on_failure, choices: [["go_on", "go on with the next scan"], ["stop", "stop the queue"]] },
        { name: "on_interrupted", label: "When the station ended in the middle of a scan and is back", kind: "choice", value: policy.on_interrupted, choices: INTERRUPTED },
      ],
      submit: (values) => this.edit("policy", { policy: values }),
    });
  }
}

/** Beside its dots, inside the window: the table it stands in would cut it off. */
function place(items, menu) {
  const at = menu.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = items;
  items.style.left = `${Math.max(8, at.right - width)}px`;
  items.style.top = `${at.bottom + height + 8 > window.innerHeight ? Math.max(8, at.top - height) : at.bottom + 2}px`;
}
