// A list with filter, sort and pages in the URL, kept up to date.

import { get, withQuery } from "./api.js";
import { byId, fill, h, setText } from "./dom.js";
import { count } from "./format.js";
import { Table } from "./table.js";

const PAGE = 50;

/**
 * `name` is that of the elements (scans-table, scans-count, ...) and of the REST call.
 * @param options of the table; and address: another REST call, asked: what it is always asked with, rows: of a page
 */
export class ListPage {
  constructor(name, columns, options) {
    this.name = name;
    this.address = options.address ?? `/api/${name}`;
    this.asked = options.asked ?? {};
    this.rows = options.rows ?? PAGE;
    this.query = new URLSearchParams(location.search);
    const sort = this.query.get("sort") ?? "";
    this.table = new Table(byId(`${name}-table`), columns, {
      ...options,
      sort: sort ? { key: sort.replace(/^-/, ""), down: sort.startsWith("-") } : null,
      onSort: (key, down) => this.set({ sort: `${down ? "-" : ""}${key}`, offset: null }),
    });
    this.form = byId(`${name}-filters`);
    if (this.form) this.bindForm();
  }

  bindForm() {
    for (const field of this.form.elements) if (field.name) field.value = this.query.get(field.name) ?? "";
    const more = this.form.querySelector("details");
    if (more) more.open = [...more.querySelectorAll("[name]")].some((field) => field.value);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    const ask = (delay) => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.set({ ...Object.fromEntries(new FormData(this.form)), offset: null }), delay);
    };
    // a name that is to fit as a whole is asked for once it is whole
    this.form.addEventListener("input", (event) => "whole" in event.target.dataset || ask(200));
    this.form.addEventListener("change", (event) => "whole" in event.target.dataset && ask(0));
  }

  set(changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === "") this.query.delete(key);
      else this.query.set(key, value);
    }
    const text = this.query.toString();
    history.replaceState(null, "", text ? `?${text}` : location.pathname);
    return this.refresh();
  }

  get filtered() {
    return [...this.query.keys()].some((key) => key !== "sort" && key !== "offset");
  }

  async refresh() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const answer = await get(withQuery(this.address, { limit: this.rows, ...Object.fromEntries(this.query), ...this.asked }), { timeout: 8000 });
    if (turn === this.turn) this.show(answer);
    return answer;
  }

  refreshSoon() {
    this.soon ??= setTimeout(() => {
      this.soon = null;
      void this.refresh().catch(() => {});
    }, 300);
  }

  show({ items, total }) {
    setText(byId(`${this.name}-count`), total ? count(total) : "");
    this.table.show(items);
    if (items.length === 0 && this.filtered) fill(this.table.box, h("div", { class: "empty" }, h("strong", {}, "Nothing fits"), h("p", {}, "No entry has all that is asked for here.")));
    const offset = Number(this.query.get("offset") ?? 0);
    const pager = byId(`${this.name}-pager`);
    if (!pager) return;
    pager.hidden = total <= this.rows;
    const turnTo = (word, to, possible) => h("button", { type: "button", class: "button small", disabled: !possible, on: { click: () => void this.set({ offset: to || null }) } }, word);
    fill(pager, `${count(offset + 1)} to ${count(offset + items.length)} of ${count(total)}`,
      turnTo("Earlier page", Math.max(0, offset - this.rows), offset > 0), turnTo("Next page", offset + this.rows, offset + items.length < total));
  }
}
