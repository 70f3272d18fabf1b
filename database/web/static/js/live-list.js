// A list whose rows are kept, moved and changed in place.

import { fill } from "./dom.js";

export class LiveList {
  /** @param options {id(item), make() -> {element, show(item)}, empty() -> node, emptyKey?() -> text that tells when the node is another} */
  constructor(box, options) {
    Object.assign(this, { box, options, rows: new Map(), isEmpty: null });
  }

  show(items) {
    if (items.length === 0) {
      const key = this.options.emptyKey?.() ?? "";
      if (this.isEmpty !== true || key !== this.emptyKey) fill(this.box, this.options.empty());
      this.isEmpty = true;
      this.emptyKey = key;
      this.rows.clear();
      return;
    }
    if (this.isEmpty !== false) fill(this.box);
    this.isEmpty = false;
    const wanted = new Set(items.map((item) => this.options.id(item)));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    let place = this.box.firstElementChild;
    for (const item of items) {
      const row = this.update(item) ?? this.add(item);
      if (row.element === place) place = place.nextElementSibling;
      else this.box.insertBefore(row.element, place);
    }
  }

  add(item) {
    const row = this.options.make();
    const id = this.options.id(item);
    row.element.dataset.id = id;
    this.rows.set(id, row);
    row.show(item);
    return row;
  }

  update(item) {
    const row = this.rows.get(this.options.id(item));
    row?.show(item);
    return row ?? null;
  }
}
