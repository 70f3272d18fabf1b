// Building the page from data: always elements and text, never markup from strings.

/**
 * An element: h("a", {class: "title", href: "/x", dataset: {id: 1}, on: {click}}, "text", child).
 * Children may be nodes, texts, numbers or lists of them; null and false are left out.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (name === "width") element.style.width = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

export const byId = (id) => document.getElementById(id);

/** Put these children in place of what is there. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

/** Write the text only if it differs, so that nothing is laid out again for nothing. */
export function setText(element, text) {
  const wanted = String(text ?? "");
  if (element && element.textContent !== wanted) element.textContent = wanted;
}

export const icon = (name) => h("i", { class: `icon icon-${name}`, "aria-hidden": "true" });

const STATE_ICONS = {
  queued: "circle", running: "play-fill", paused: "pause-fill", completed: "check-lg", aborted: "stop-fill",
  failed: "x-lg", interrupted: "lightning-charge-fill", idle: "circle", connected: "plug-fill", stopping: "stop-circle",
  disconnected: "plug", moving: "arrows-move", measuring: "soundwave", busy: "hourglass-split",
  error: "exclamation-triangle-fill", live: "broadcast", not_answering: "clock-history", exited: "plug", none: "plug",
};
const STATE_WORDS = { not_answering: "not answering" };

/** State as word, icon and colour, the same everywhere. */
export function badge(state) {
  const known = state || "disconnected";
  return h("span", { class: `status-badge status-${known}`, dataset: { state: known } },
    icon(STATE_ICONS[known] ?? "circle"), STATE_WORDS[known] ?? known);
}

/** The badge in `holder`, replaced only when the state changes; the change is tinted unless `quiet`. */
export function showBadge(holder, state, { quiet = false } = {}) {
  const shown = holder.firstElementChild?.dataset.state;
  if (shown === state) return;
  fill(holder, badge(state));
  if (shown && !quiet) tint(holder.firstElementChild);
}

/** State as icon in its colour, for narrow rows; the word is there for screen readers and on hover. */
export function stateMark(state) {
  return h("span", { class: `row-state status-${state}`, title: STATE_WORDS[state] ?? state },
    icon(STATE_ICONS[state] ?? "circle"), h("span", { class: "visually-hidden" }, STATE_WORDS[state] ?? state));
}

/** Show for two seconds that something here has changed. */
export function tint(element) {
  if (!element) return;
  element.classList.remove("status-updated");
  requestAnimationFrame(() => element.classList.add("status-updated"));
  setTimeout(() => element.classList.remove("status-updated"), 2000);
}

/** A long name cut in the middle: the end, which tells names apart, stays; the whole on hover. */
export function middle(text, tail = 10) {
  const whole = String(text ?? "");
  if (whole.length <= 32) return h("span", { class: "cut", title: whole.length > 14 ? whole : null }, whole);
  return h("span", { class: "middle", title: whole }, h("span", {}, whole.slice(0, -tail)), h("span", {}, whole.slice(-tail)));
}

export function progressBar(share, state = "running") {
  const box = h("div", { class: "progress-bar-box", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, h("i"));
  setProgress(box, share, state);
  return box;
}

export function setProgress(box, share, state) {
  const percent = Math.max(0, Math.min(1, share || 0)) * 100;
  box.setAttribute("aria-valuenow", percent.toFixed(0));
  box.firstElementChild.className = `status-${state}`;
  box.firstElementChild.style.width = `${percent}%`;
}

/** "Nothing here yet", and how to make the first one. */
export function empty(symbol, title, ...text) {
  return h("div", { class: "empty" }, icon(symbol), h("strong", {}, title), h("p", {}, ...text));
}

/** The JSON the server printed into the page, so that the first paint has content. */
export function initialData() {
  const holder = byId("initial-data");
  return holder ? JSON.parse(holder.textContent) : null;
}
