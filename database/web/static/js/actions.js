// Buttons that command: in flight they wait, then the page shows the state that came back.

import { path, post } from "./api.js";
import { h, icon } from "./dom.js";
import { ask, toast } from "./notices.js";

export const mayOperate = () => document.body.dataset.role !== "viewer";

/** Run `work` with the button disabled and turning; an error is said, never swallowed. */
export async function whileInFlight(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return null;
  button.setAttribute("aria-disabled", "true");
  button.disabled = true;
  button.classList.add("in-flight");
  try {
    return await work();
  } catch (error) {
    toast(error.message, { error: true });
    return null;
  } finally {
    button.classList.remove("in-flight");
    button.removeAttribute("aria-disabled");
    block(button, button.dataset.blocked ?? null);
  }
}

/** Offer a button no more while there is a reason, which is then its title; null: offer it again. */
export function block(button, reason) {
  button.dataset.title ??= button.title;
  if (reason) button.dataset.blocked = reason;
  else delete button.dataset.blocked;
  button.title = reason ?? button.dataset.title;
  button.disabled = reason !== null;
}

/**
 * Make the buttons of `box` act on one scan or queue.
 * @param onAnswer gets the JSON that came back
 * @param confirm action -> question, or null to act at once
 */
export function bindActions(box, noun, id, { onAnswer, confirm = () => null } = {}) {
  box.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-action]");
    if (!button || button.disabled) return;
    const action = button.dataset.action;
    const question = confirm(action);
    if (question && !(await ask(question))) return;
    const answer = await whileInFlight(button, () => post(path(noun, id, action)));
    if (answer) onAnswer?.(answer, action);
  });
}

/** Show the buttons whose action is in `actions`; who may not operate sees none. */
export function showActions(box, actions) {
  for (const button of box.querySelectorAll("button[data-action]")) {
    button.hidden = !mayOperate() || !actions.includes(button.dataset.action);
  }
}

/** A small button that acts on one scan, in a table's row or a notice; with a `label` it says so in words. */
export function rowAction(noun, id, action, word, symbol, onAnswer, { label = null, blocked = null } = {}) {
  const button = h("button", { type: "button", class: `button small${label ? "" : " quiet"}`, dataset: { action }, title: word, "aria-label": label ? null : word }, icon(symbol), label);
  block(button, blocked);
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    const answer = await whileInFlight(button, () => post(path(noun, id, action)));
    if (answer) onAnswer?.(answer, action);
  });
  return button;
}

/** Stop everything, on every page and for everybody: asks once, then tells what each station said. */
export function bindStopEverything() {
  for (const button of document.querySelectorAll('[data-action="stop-everything"]')) {
    button.addEventListener("click", async () => {
      const why = { text: "" };
      const sure = await ask({
        title: "Stop everything?",
        text: "Every queue is aborted at once and all instruments go to their safe state. Points measured so far are kept.",
        yes: "Stop everything", danger: true, why,
      });
      if (!sure) return;
      const answer = await whileInFlight(button, () => post("/api/stop", { why: why.text }));
      if (answer) tellWhatStopped(answer);
    });
  }
}

function tellWhatStopped({ stations = [] }) {
  for (const station of stations.filter((one) => !one.ok)) {
    const running = station.running?.length ? `still running: ${station.running.join(", ")}` : "";
    toast(`${station.name}: ${[station.error, running].filter(Boolean).join("; ") || "did not answer"}`, { error: true });
  }
  if (stations.length === 0) toast("No station is connected: nothing was told to stop.", { error: true });
  else if (stations.every((one) => one.ok)) {
    const instruments = stations.flatMap((one) => one.instruments ?? []).length;
    toast(`Everything is stopped; ${instruments === 1 ? "the instrument has" : `all ${instruments} instruments have`} answered to be in the safe state.`);
  }
}
