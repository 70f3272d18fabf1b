// What stands in the way of a queued scan, asked of its station; nothing is moved by asking.

import { get, path } from "./api.js";
import { byId, fill, h, icon } from "./dom.js";

const LOOKS = { error: ["exclamation-triangle-fill", "error"], warning: ["exclamation-triangle", "warning"], info: ["clock-history", "info"] };

function line({ level, field, message }) {
  const [symbol, look] = LOOKS[level] ?? LOOKS.info;
  return h("li", { class: `finding ${look}` }, icon(symbol), h("span", {}, level !== "info" && h("strong", {}, `${field}: `), message));
}

/** Show the findings while the scan is queued; without a station that could tell, nothing. */
export class Preflight {
  constructor(scanId) {
    this.scanId = scanId;
    this.asked = null;
  }

  async show(status) {
    if (status === this.asked) return;
    this.asked = status;
    const panel = byId("preflight-panel");
    panel.hidden = true;
    if (status !== "queued") return;
    const answer = await get(path("scan", this.scanId, "preflight")).catch(() => null);
    if (!answer?.findings?.length || this.asked !== "queued") return;
    fill(byId("preflight"), answer.findings.map(line));
    panel.hidden = false;
  }
}
