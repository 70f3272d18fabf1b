// The line on which a page follows an export: how far it is, Cancel, then the file, or what went wrong.

import { get, path, post } from "./api.js";
import { fill, h, icon, progressBar, setProgress } from "./dom.js";

const EVERY = 400;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A click on a link that the browser takes as a download. */
export function fetchFile(href) {
  const link = h("a", { href, download: true });
  document.body.append(link);
  link.click();
  link.remove();
}

export class ExportLine {
  constructor(line) {
    this.line = line;
    this.running = null;
  }

  /**
   * Follow one export to its file; another takes its place.
   * @param begin () -> promise of the export that was started
   */
  async start(title, begin) {
    const turn = {};
    this.running = turn;
    this.bar = progressBar(0);
    const cancel = h("button", { type: "button", class: "button small", on: { click: () => this.cancel(turn) } }, "Cancel");
    fill(this.line, h("span", {}, `Building ${title}`), this.bar, cancel);
    this.line.classList.remove("is-error");
    this.line.hidden = false;
    try {
      turn.job = await begin();
      if (turn.cancelled) this.drop(turn.job);
      else await this.follow(turn.job, turn);
    } catch (error) {
      if (this.running === turn) this.fail(title, error.message, begin);
    }
  }

  async follow(begun, turn) {
    let job = begun;
    while (job.state === "waiting" || job.state === "building") {
      await wait(EVERY);
      if (this.running !== turn) return;
      job = await get(path("exports", job.id));
      setProgress(this.bar, job.progress, "running");
    }
    if (this.running !== turn) return;
    if (job.state === "failed") throw new Error(job.error);
    fetchFile(path("exports", job.id, "file"));
    const again = h("a", { class: "button small", href: path("exports", job.id, "file"), download: true }, icon("download"), "Again");
    fill(this.line, icon("check2"), h("span", { class: "grow" }, `${job.name} is ready; it is kept for an hour.`), again, this.closer());
  }

  cancel(turn) {
    this.close();
    turn.cancelled = true;
    if (turn.job) this.drop(turn.job);
  }

  drop(job) {
    void post(path("exports", job.id, "cancel")).catch(() => {});
  }

  fail(title, why, begin) {
    const again = h("button", { type: "button", class: "button small", on: { click: () => void this.start(title, begin) } }, "Try again");
    fill(this.line, icon("exclamation-triangle-fill"), h("span", { class: "grow", role: "alert" }, `${title} was not made: ${why}`), again, this.closer());
    this.line.classList.add("is-error");
  }

  closer() {
    return h("button", { type: "button", class: "button small", "aria-label": "Close", on: { click: () => this.close() } }, icon("x"));
  }

  close() {
    this.running = null;
    this.line.hidden = true;
  }
}
