// Ctrl-K: find a scan, queue or instrument by name and go there.

import { get, withQuery } from "./api.js";
import { byId, fill, h, icon, stateMark } from "./dom.js";

const PAGES = [["Dashboard", "/"], ["Queues", "/queues"], ["Scans", "/scans"], ["Instruments", "/instruments"], ["Samples", "/samples"], ["Equipment", "/equipment"]];
const link = (id) => encodeURIComponent(id);

async function find(text) {
  const wanted = text.trim().toLowerCase();
  const fits = (...names) => names.some((name) => String(name ?? "").toLowerCase().includes(wanted));
  const [scans, queues, instruments] = await Promise.all([
    get(withQuery("/api/scans", { search: text.trim(), limit: 8 })).then((page) => page.items),
    get("/api/queues").then((page) => page.items),
    get("/api/instruments/status"),
  ]);
  return [
    ...PAGES.filter(([word]) => wanted && fits(word)).map(([word, href]) => ({ word, href, kind: "page" })),
    ...queues.filter((queue) => fits(queue.name, queue.queue_id)).slice(0, 5).map((queue) => ({ word: queue.name || queue.queue_id, href: `/queues/${link(queue.queue_id)}`, kind: "queue", state: queue.status })),
    ...scans.map((scan) => ({ word: scan.name, note: scan.project, href: `/scans/${link(scan.scan_id)}`, kind: "scan", state: scan.status })),
    ...instruments.filter((one) => fits(one.name, one.nickname)).slice(0, 6).map((one) => ({ word: one.nickname || one.name, href: `/instruments/${link(one.instrument_id)}`, kind: "instrument", state: one.status })),
  ];
}

class Palette {
  constructor() {
    this.input = h("input", { type: "text", placeholder: "Find a scan, queue or instrument", "aria-label": "Find", autocomplete: "off", spellcheck: "false" });
    this.list = h("ul", { role: "listbox" });
    this.dialog = h("dialog", { class: "dialog palette", "aria-label": "Search" }, this.input, this.list);
    this.chosen = 0;
    this.asked = 0;
    document.body.append(this.dialog);
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), 120);
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
    const turn = ++this.asked;
    try {
      const found = await find(this.input.value);
      if (turn === this.asked) this.show(found);
    } catch (error) {
      if (turn === this.asked) fill(this.list, h("li", { class: "none" }, error.message));
    }
  }

  show(found) {
    this.chosen = 0;
    if (found.length === 0) {
      fill(this.list, h("li", { class: "none" }, "Nothing is called that."));
      return;
    }
    fill(this.list, found.map((one) => h("li", { role: "option" },
      h("a", { href: one.href, tabindex: -1 }, one.state ? stateMark(one.state) : icon("chevron-right"),
        h("span", { class: "grow cut" }, one.word), one.note && h("span", { class: "muted small-text cut" }, one.note), h("span", { class: "muted small-text" }, one.kind)))));
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === this.chosen)));
    this.list.children[this.chosen]?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const most = this.list.children.length - 1;
    if (event.key === "ArrowDown") this.chosen = Math.min(most, this.chosen + 1);
    else if (event.key === "ArrowUp") this.chosen = Math.max(0, this.chosen - 1);
    else if (event.key === "Enter") this.list.children[this.chosen]?.querySelector("a")?.click();
    else return;
    event.preventDefault();
    this.mark();
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
