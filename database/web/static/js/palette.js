// Ctrl-K: find a scan, sample, queue or instrument by its words and go there.

import { get, withQuery } from "./api.js";
import { byId, fill, h, icon, stateMark } from "./dom.js";

const PAGES = [["Dashboard", "/"], ["Queues", "/queues"], ["Scans", "/scans"], ["Projects", "/projects"], ["Instruments", "/instruments"], ["Samples", "/samples"], ["Equipment", "/equipment"], ["Templates", "/templates/scans"]];
const GROUPS = { page: "Pages", scan: "Scans", sample: "Samples", queue: "Queues", instrument: "Instruments" };
const EACH = 6;
const link = (id) => encodeURIComponent(id);
const HREF = {
  scan: (hit) => `/scans/${link(hit.id)}`,
  sample: (hit) => `/samples/${link(hit.number)}`,
  queue: (hit) => `/queues/${link(hit.id)}`,
  instrument: (hit) => `/instruments/${link(hit.id)}`,
};

const pages = (wanted) => PAGES.filter(([word]) => word.toLowerCase().startsWith(wanted)).map(([title, href]) => ({ kind: "page", title, href }));

async function find(text) {
  if (!text) {
    const latest = await get(withQuery("/api/scans", { limit: EACH }));
    return [...pages(""), ...latest.items.map((scan) => ({ kind: "scan", id: scan.scan_id, title: scan.name || scan.scan_id, note: scan.project, status: scan.status }))];
  }
  const { items } = await get(withQuery("/api/search", { q: text, limit: EACH, each: true }));
  const all = items.filter((hit) => hit.kind === "scan").length === EACH;
  const further = { kind: "scan", title: `All scans with “${text}”`, href: withQuery("/scans", { search: text }) };
  const scans = items.filter((hit) => hit.kind === "scan");
  return [...pages(text.toLowerCase()), ...scans, ...(all ? [further] : []), ...items.filter((hit) => hit.kind !== "scan")];
}

class Palette {
  constructor() {
    this.input = h("input", { type: "text", placeholder: "Find a scan, sample, queue or instrument", "aria-label": "Find", autocomplete: "off", spellcheck: "false",
      role: "combobox", "aria-expanded": "true", "aria-controls": "palette-found", "aria-autocomplete": "list" });
    this.list = h("ul", { role: "listbox", id: "palette-found", "aria-label": "Found" });
    this.dialog = h("dialog", { class: "dialog palette", "aria-label": "Search" }, this.input, this.list);
    this.options = [];
    this.chosen = 0;
    this.asked = 0;
    document.body.append(this.dialog);
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.look(), 120);
    });
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
  }

  open() {
    if (this.dialog.open) return;
    this.input.value = "";
    this.dialog.showModal();
    void this.look();
  }

  async look() {
    clearTimeout(this.timer);
    this.timer = null;
    const turn = ++this.asked;
    try {
      const found = await find(this.input.value.trim());
      if (turn === this.asked) this.show(found);
    } catch (error) {
      if (turn === this.asked) this.say(error.message);
    }
  }

  say(words) {
    this.options = [];
    fill(this.list, h("li", { class: "none", role: "presentation" }, words));
  }

  show(found) {
    this.chosen = 0;
    if (found.length === 0) {
      this.say("Nothing has these words.");
      return;
    }
    this.options = found.map((one, i) => h("li", { role: "option", id: `palette-${i}` },
      h("a", { href: one.href ?? HREF[one.kind](one), tabindex: -1 }, one.status && one.kind !== "sample" ? stateMark(one.status) : icon("chevron-right"),
        h("span", { class: "grow cut" }, one.title), one.note && h("span", { class: "muted small-text cut" }, one.note))));
    fill(this.list, this.options.flatMap((option, i) => (found[i].kind === found[i - 1]?.kind ? [option] : [h("li", { class: "group", role: "presentation" }, GROUPS[found[i].kind]), option])));
    this.mark();
  }

  mark() {
    this.options.forEach((option, i) => option.setAttribute("aria-selected", String(i === this.chosen)));
    const chosen = this.options[this.chosen];
    this.input.setAttribute("aria-activedescendant", chosen?.id ?? "");
    if (this.chosen === 0) this.list.scrollTop = 0;
    else chosen?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    if (event.isComposing) return;
    const most = this.options.length - 1;
    if (event.key === "ArrowDown") this.chosen = Math.min(most, this.chosen + 1);
    else if (event.key === "ArrowUp") this.chosen = Math.max(0, this.chosen - 1);
    else if (event.key === "Enter") void this.go();
    else return;
    event.preventDefault();
    this.mark();
  }

  /** To what is chosen; of words typed in a hurry, to the first that has them. */
  async go() {
    if (this.timer) await this.look();
    this.options[this.chosen]?.querySelector("a").click();
  }
}

export function bindPalette() {
  let palette = null;
  const open = () => (palette ??= new Palette()).open();
  byId("open-search")?.addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
}
