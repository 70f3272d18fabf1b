// "Rewind …" on a scan's page: asks where to, then has the scan go back there.

import { whileInFlight } from "./actions.js";
import { path, post } from "./api.js";
import { h } from "./dom.js";
import { ask } from "./notices.js";

const TEXT = "After the present point the scan goes back and measures again from there. What is measured anew takes the place of the earlier points, which are kept.";

/**
 * Make the button ask and command.
 * @param lastStep gives the step of the last point, for a beginning
 * @param onAnswer gets the JSON that came back
 */
export function bindRewind(button, scanId, { lastStep, onAnswer }) {
  button.addEventListener("click", async () => {
    button.closest("details").open = false;
    const choice = new Place(lastStep());
    const why = { text: "" };
    if (!(await ask({ title: "Rewind this scan?", text: TEXT, yes: "Rewind", body: choice.box, why }))) return;
    const answer = await whileInFlight(button, () => post(path("scan", scanId, "rewind"), { step: choice.step, why: why.text || null }));
    if (answer) onAnswer(answer);
  });
}

/** Where to: the start of the line, the beginning, or a step by number. */
class Place {
  constructor(lastStep) {
    this.number = h("input", { type: "number", class: "form-control step-number", min: 0, step: 1, value: lastStep, "aria-label": "Step number" });
    this.number.addEventListener("focus", () => { this.radio("step").checked = true; });
    const option = (value, ...words) => h("label", { class: "choice-line" }, h("input", { type: "radio", name: "rewind-to", value, checked: value === "line" }), ...words);
    this.box = h("fieldset", { class: "choice-lines" }, h("legend", { class: "visually-hidden" }, "Where to"),
      option("line", "The start of this line"), option("beginning", "The beginning"), option("step", "Step number", this.number));
  }

  radio(value) {
    return this.box.querySelector(`input[value="${value}"]`);
  }

  /** null is the start of the line. */
  get step() {
    if (this.radio("line").checked) return null;
    return this.radio("beginning").checked ? 0 : Math.max(0, Math.trunc(Number(this.number.value) || 0));
  }
}
