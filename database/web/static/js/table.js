// Tables whose rows are kept and changed in place, so that a live page does not jump.

import { empty, fill, h, icon, tint } from "./dom.js";

/**
 * @param columns [{key, title, right?, sort?, wide?, class?, cell(row) -> node or text, same?(row) -> text}]
 *   `same` tells when a cell need not be drawn again.
 * @param options {id(row), href(row)?, steady?: widths by the column's class, and rows as cards on a phone; empty: node, sort?: {key, down}, onSort?(key, down), actions?(row)}
 */
export class Table {
  constructor(box, columns, options) {
    Object.assign(this, { box, columns, options, rows: new Map(), lines: new Map() });
    this.sort = options.sort ?? null;
    this.body = h("tbody");
    this.head = h("tr");
    this.table = h("table", { class: options.steady ? "grid steady stacked" : "grid" }, h("thead", {}, this.head), this.body);
    this.drawHead();
  }

  drawHead() {
    fill(this.head, this.columns.map((column) => {
      const style = [column.right && "right", column.wide && "wide-only", column.class].filter(Boolean).join(" ");
      if (!column.sort || !this.options.onSort) return h("th", { scope: "col", class: style }, column.title);
      const on = this.sort?.key === column.sort;
      const button = h("button", { type: "button" }, column.title, on && icon(this.sort.down ? "chevron-down" : "chevron-up"));
      button.addEventListener("click", () => {
        this.sort = { key: column.sort, down: on ? !this.sort.down : Boolean(column.downFirst) };
        this.drawHead();
        this.options.onSort(this.sort.key, this.sort.down);
      });
      return h("th", { scope: "col", class: style, "aria-sort": on ? (this.sort.down ? "descending" : "ascending") : null }, button);
    }));
  }

  /** Show exactly these rows, in this order. */
  show(rows) {
    if (rows.length === 0) {
      this.rows.clear();
      this.lines.clear();
      this.body.replaceChildren();
      fill(this.box, this.options.empty ?? empty("inbox", "Nothing here yet"));
      return;
    }
    if (this.table.parentNode !== this.box) fill(this.box, this.table);
    const wanted = new Map(rows.map((row) => [String(this.options.id(row)), row]));
    for (const [id, line] of this.lines) {
      if (wanted.has(id)) continue;
      line.remove();
      this.lines.delete(id);
      this.rows.delete(id);
    }
    let place = this.body.firstElementChild;
    for (const [id, row] of wanted) {
      const line = this.draw(id, row);
      if (line === place) place = place.nextElementSibling;
      else this.body.insertBefore(line, place);
    }
  }

  /** Change one row; with `tinted` show that it changed. */
  update(row, { tinted = false } = {}) {
    const id = String(this.options.id(row));
    if (!this.lines.has(id)) return false;
    const line = this.draw(id, row);
    if (tinted) tint(line);
    return true;
  }

  row(id) {
    return this.rows.get(String(id));
  }

  draw(id, row) {
    this.rows.set(id, row);
    let line = this.lines.get(id);
    if (!line) {
      line = h("tr", { dataset: { id }, class: this.options.href ? "linked" : null }, this.columns.map((column) =>
        h("td", { dataset: { title: column.title }, class: [column.right && "right number", column.wide && "wide-only", column.class].filter(Boolean).join(" ") })));
      this.lines.set(id, line);
    }
    this.columns.forEach((column, i) => {
      const cell = line.children[i];
      const same = column.same ? String(column.same(row)) : null;
      if (same !== null && cell.dataset.same === same) return;
      if (same !== null) cell.dataset.same = same;
      fill(cell, column.cell(row));
    });
    return line;
  }
}

/** The cell that makes the row a link. */
export const rowLink = (href, content) => h("a", { class: "row-link", href }, content);
