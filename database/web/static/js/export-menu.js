// "Export" on a scan's page: asks for a file, shows how far it is, fetches it; and the Python that loads the same.

import { path, post, withQuery } from "./api.js";
import { byId, setText } from "./dom.js";
import { ExportLine, fetchFile } from "./export-line.js";
import { copyText } from "./notices.js";

export class ExportMenu {
  /** @param state gives {measurement, names, rewound}: what the page shows now */
  constructor(scanId, state) {
    this.scanId = scanId;
    this.state = state;
    this.menu = byId("export-menu");
    this.line = new ExportLine(byId("export-line"));
    setText(byId("export-code"), `import pybirch\ndata = pybirch.load("${scanId}", url="${location.origin}", token="…")`);
    byId("export-copy").addEventListener("click", () => void copyText(byId("export-code").textContent));
    byId("export-formats").addEventListener("click", (event) => {
      const button = event.target.closest("[data-format]");
      if (button) void this.start(button);
    });
    this.menu.addEventListener("toggle", () => this.show());
  }

  /** Only what there is to choose. */
  show() {
    const { measurement, names, rewound } = this.state();
    this.menu.hidden = !measurement;
    byId("export-one-line").hidden = names.length < 2;
    setText(byId("export-one-words"), `Only ${measurement}, not all ${names.length} measurements`);
    byId("export-all-line").hidden = !rewound;
  }

  get wanted() {
    const { measurement, names } = this.state();
    return { measurement: names.length > 1 && byId("export-one").checked ? measurement : null, all: byId("export-all").checked };
  }

  async start(button) {
    this.menu.open = false;
    const format = button.dataset.format;
    const title = button.querySelector(".export-name").firstChild.textContent.trim();
    const { measurement, all } = this.wanted;
    const several = this.state().names.length > 1 && measurement === null;
    if (format === "csv" && !several) {
      this.line.close();
      fetchFile(withQuery(path("scan", this.scanId, "export"), { format, measurement, all: all || null }));
      return;
    }
    await this.line.start(title, () => post(path("scan", this.scanId, "exports"), { format, measurement, all }));
  }
}
