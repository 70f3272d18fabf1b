// What is said over the page: toasts, questions, banners.

import { byId, fill, h, icon, setText } from "./dom.js";

/** A short word at the bottom; errors stay until closed, the rest goes after 5 s. */
export function toast(text, { error = false } = {}) {
  const close = h("button", { type: "button", class: "button quiet small", "aria-label": "Close" }, icon("x"));
  const box = h("div", { class: `toast-box${error ? " error" : ""}`, role: error ? "alert" : "status" }, h("span", { class: "grow" }, text), close);
  close.addEventListener("click", () => box.remove());
  const same = [...byId("toasts").children].find((other) => other.textContent === box.textContent);
  same?.remove();
  byId("toasts").append(box);
  if (!error) setTimeout(() => box.remove(), 5000);
  return box;
}

/** Ask once; true if they said yes. With `why`, an object, its `text` becomes the reason they gave; `body` is shown below the text. */
export function ask({ title, text, yes, danger = false, why = null, body = null }) {
  return new Promise((resolve) => {
    const agree = h("button", { type: "button", class: `button ${danger ? "danger solid" : "primary"}`, dataset: { answer: "yes" } }, yes);
    const refuse = h("button", { type: "button", class: "button", dataset: { answer: "no" } }, "Cancel");
    const reason = why && h("input", { type: "text", class: "form-control reason", maxlength: 500, placeholder: "Why (optional, kept in the log)", "aria-label": "Why" });
    const dialog = h("dialog", { class: "dialog", "aria-label": title }, h("h2", {}, title), h("p", {}, text), body, reason,
      h("div", { class: "dialog-actions" }, refuse, agree));
    const end = (answer) => {
      if (why) why.text = reason.value.trim();
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    agree.addEventListener("click", () => end(true));
    reason?.addEventListener("keydown", (event) => event.key === "Enter" && end(true));
    refuse.addEventListener("click", () => end(false));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(false);
    });
    document.body.append(dialog);
    dialog.showModal();
    agree.focus();
  });
}

/** A banner under the top bar, one for each `key`; without text it goes. `close` gives it a button and hears of it. */
export function banner(key, text, { kind = "warning", link = null, close = null, act = null } = {}) {
  const holder = byId("banners");
  let box = holder.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!text) {
    box?.remove();
    return;
  }
  if (!box) {
    box = h("div", { dataset: { key } });
    holder.append(box);
  }
  const shape = [kind, link?.word, Boolean(close), act?.word].join();
  if (box.dataset.shape !== shape) {
    box.dataset.shape = shape;
    box.className = `notice ${kind}`;
    fill(box, h("div", { class: "line" }, icon("exclamation-triangle-fill"), h("span", { class: "grow" }),
      link && h("a", { class: "button small", href: link.href }, link.word), act && actButton(act), close && closeButton(() => {
        close();
        box.remove();
      })));
  }
  setText(box.querySelector(".grow"), text);
}

const actButton = ({ word, title, run }) => h("button", { type: "button", class: "button small", title, on: { click: (event) => run(event.currentTarget) } }, word);

const closeButton = (close) => h("button", { type: "button", class: "button small", on: { click: close } }, "Close");

/** Put `text` on the clipboard; on plain http, where browsers forbid it, through a selection. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "visually-hidden" }, text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast("Copied");
}

/** The panel for something that went wrong: what happened, what is safe, what to do next. */
export function errorPanel({ title, what, safe, next, details = null, link = null, kind = "error" }) {
  const copy = h("button", { type: "button", class: "button small", id: "copy-error" }, icon("clipboard"), "Copy");
  copy.addEventListener("click", () => copyText([title, what, details].filter(Boolean).join("\n")));
  const row = (word, text) => text && [h("dt", {}, word), h("dd", {}, text)];
  return h("section", { class: `notice ${kind} error-panel`, role: "alert" },
    h("div", { class: "line" }, h("h2", { class: "grow" }, icon("exclamation-triangle-fill"), title), copy),
    h("dl", {}, row("What happened", what), row("What is safe", safe), row("What to do", next)), link && h("p", {}, link),
    details && h("details", {}, h("summary", {}, "Details"), h("pre", { class: "code" }, details)));
}
