// A list with filter, sort and pages in the URL, kept up to date.

import { get, withQuery } from "./api.js";
import { byId, fill, h, setText } from "./dom.js";
import { count } from "./format.js";
import { Table } from "./table.js";

const PAGE = 50;

/** `name` is that of the elements (scans-table, scans-count, ...) and of the REST call. */
export class ListPage {
  constructor(name, columns, options) {
    this.name = name;
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
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        const values = Object.fromEntries(new FormData(this.form));
        void this.set({ ...values, offset: null });
      }, 200);
    });
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
    return this.query.has("search") || this.query.has("state");
  }

  async refresh() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const answer = await get(withQuery(`/api/${this.name}`, { limit: PAGE, ...Object.fromEntries(this.query) }), { timeout: 8000 });
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
    if (items.length === 0 && this.filtered) fill(this.table.box, h("div", { class: "empty" }, h("strong", {}, "Nothing fits"), h("p", {}, "No entry has this state and these words.")));
    const offset = Number(this.query.get("offset") ?? 0);
    const pager = byId(`${this.name}-pager`);
    if (!pager) return;
    pager.hidden = total <= PAGE;
    const turnTo = (word, to, possible) => h("button", { type: "button", class: "button small", disabled: !possible, on: { click: () => void this.set({ offset: to || null }) } }, word);
    fill(pager, `${count(offset + 1)} to ${count(offset + items.length)} of ${count(total)}`,
      turnTo("Earlier page", Math.max(0, offset - PAGE), offset > 0), turnTo("Next page", offset + PAGE, offset + items.length < total));
  }
}
