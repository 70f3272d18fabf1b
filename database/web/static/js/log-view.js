// A log: lines are only ever added, and it follows until somebody scrolls up.

import { h } from "./dom.js";

const MOST = 2000;

export class LogView {
  constructor(list, button, level) {
    Object.assign(this, { list, button, following: true });
    list.addEventListener("scroll", () => {
      this.following = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
      button.hidden = this.following;
    });
    button.addEventListener("click", () => this.toEnd());
    level?.addEventListener("change", () => {
      list.dataset.least = level.value;
      this.toEnd();
    });
  }

  /** Lines {level, message, clock, absolute, timestamp}. */
  add(lines) {
    for (const line of lines) {
      const level = String(line.level ?? "INFO").toUpperCase();
      this.list.append(h("li", { class: `log-${level}` }, h("time", { datetime: line.timestamp, title: line.absolute }, line.clock),
        h("span", { class: "level" }, level), h("span", { class: "message" }, line.message)));
    }
    while (this.list.children.length > MOST) this.list.firstElementChild.remove();
    if (this.following) this.toEnd();
  }

  toEnd() {
    this.following = true;
    this.button.hidden = true;
    this.list.scrollTop = this.list.scrollHeight;
  }
}
