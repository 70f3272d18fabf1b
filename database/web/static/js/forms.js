// A question with fields: it stays open until what was entered is taken, and says at the field what was not.

import { fill, h } from "./dom.js";

let made = 0;

/**
 * @param fields [{name, label, kind: "number" | "text" | "moment" | "choice" | "yes" | "several" | "numbers" | "lines" | "prose", value, hint?, choices?: [[value, word]], min?, max?, step?, rows?}]
 * @param submit (values) -> promise; what it throws is shown, at its field where it names one
 * @returns what `submit` gave, or null for who thought better of it
 */
export function askForm({ title, text = "", fields, yes, submit }) {
  return new Promise((resolve) => {
    const shown = fields.map((field) => ({ ...field, ...control(field) }));
    const wrong = h("p", { class: "form-error", role: "alert", hidden: true });
    const agree = h("button", { type: "submit", class: "button primary" }, yes);
    const refuse = h("button", { type: "button", class: "button", dataset: { answer: "no" } }, "Cancel");
    const form = h("form", { novalidate: true }, h("h2", {}, title), text && h("p", { class: "muted" }, text), shown.map((one) => one.row), wrong,
      h("div", { class: "dialog-actions" }, refuse, agree));
    const dialog = h("dialog", { class: "dialog form-dialog", "aria-label": title }, form);
    const end = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      clear(shown, wrong);
      agree.disabled = true;
      try {
        end(await submit(Object.fromEntries(shown.map((one) => [one.name, one.read()]))));
      } catch (error) {
        tell(error, shown, wrong);
      }
      agree.disabled = false;
    });
    refuse.addEventListener("click", () => end(null));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(null);
    });
    document.body.append(dialog);
    dialog.showModal();
    shown[0]?.focus();
  });
}

function clear(shown, wrong) {
  wrong.hidden = true;
  for (const one of shown) {
    one.error.hidden = true;
    one.row.classList.remove("wrong");
  }
}

function tell(error, shown, wrong) {
  const at = shown.find((one) => error.field && (one.name === error.field || error.field.startsWith(`${one.name}[`))) ?? partOf(shown, error.field);
  const place = at ? at.error : wrong;
  fill(place, error.message);
  place.hidden = false;
  at?.row.classList.add("wrong");
  at?.focus();
}

/** A number of the positions that are spoken of: the one that was changed, if there is one. */
function partOf(shown, field) {
  const parts = shown.filter(({ name }) => Boolean(field) && name.includes(".positions.") && field.startsWith(name.slice(0, name.lastIndexOf("."))));
  return parts.find((one) => one.read() !== one.given) ?? parts[0];
}

/** The field's row, where its error is said, and how it is read. */
function control(field) {
  const id = `field-${++made}`;
  const error = h("p", { class: "form-error", role: "alert", id: `${id}-error`, hidden: true });
  const hint = field.hint && h("p", { class: "form-hint" }, field.hint);
  if (field.kind === "several") {
    const boxes = field.choices.map(([value, word]) => [value, h("input", { type: "checkbox", checked: field.value.includes(value) }), word]);
    const list = h("div", { class: "check-list" }, boxes.map(([, box, word]) => h("label", {}, box, " ", word)));
    const row = h("fieldset", { class: "form-row" }, h("legend", {}, field.label), boxes.length ? list : h("p", { class: "form-hint" }, "There is none."), hint, error);
    return { row, error, focus: () => boxes[0]?.[1].focus(), read: () => boxes.filter(([, box]) => box.checked).map(([value]) => value) };
  }
  const input = inputOf(field, id);
  const row = h("div", { class: "form-row" }, h("label", { for: id }, field.label), input, hint, error);
  return { row, error, focus: () => input.focus(), read: () => READ[field.kind](input.value) };
}

function inputOf({ name, kind, value, choices, min, max, step, rows }, id) {
  const common = { id, name, "aria-describedby": `${id}-error` };
  switch (kind) {
    case "choice":
    case "yes": return h("select", { ...common, class: "form-select" }, choices.map(([key, word]) => h("option", { value: key, selected: key === value }, word)));
    case "lines": return filled(h("textarea", { ...common, class: "form-control mono", rows: rows ?? 12, spellcheck: "false" }), value);
    case "prose": return filled(h("textarea", { ...common, class: "form-control", rows: 4 }), value);
    case "moment": return h("input", { ...common, type: "datetime-local", class: "form-control", value: localMoment(value) });
    case "number": return h("input", { ...common, type: "number", class: "form-control", value, min, max, step: step ?? 1, inputmode: "numeric" });
    default: return h("input", { ...common, type: "text", class: "form-control", value, autocomplete: "off" });
  }
}

function filled(area, text) {
  area.value = text;
  return area;
}

const READ = {
  text: (value) => value.trim(),
  lines: (value) => value,
  prose: (value) => value.trim(),
  choice: (value) => value,
  yes: (value) => value === "true",
  numbers: (value) => value.split(/[,;\s]+/).filter(Boolean).map((one) => (Number.isFinite(Number(one)) ? Number(one) : one)),
  number: (value) => (value === "" ? null : Number(value)),
  moment: (value) => (value ? new Date(value).toISOString() : null),
};

/** What is written in the field called so, which is to be JSON. */
export function jsonOf(text, field) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw Object.assign(new Error(`This is no JSON: ${error.message}.`), { field });
  }
}

/** As the browser's field for a moment wants it, in local time. */
function localMoment(moment) {
  if (!moment) return "";
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
