// The right column: names and values.

import { fill, h } from "./dom.js";

/** Rows of [name, value]; without a value the row is left out. */
export function showFacts(list, rows) {
  fill(list, rows.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== "–")
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
