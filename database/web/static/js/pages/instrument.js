import { byId, fill, h, initialData, showBadge } from "../dom.js";
import { absolute, ago, clock, quantity, splitColumn } from "../format.js";
import { showFacts } from "../facts.js";
import { InstrumentRealtimeManager } from "../instrument-realtime.js";
import { display, InstrumentView, limitsOf, unitOf } from "../instrument-view.js";
import { errorPanel } from "../notices.js";
import { Trend } from "../trend.js";
import { realtime, start } from "../shell.js";

const initial = initialData();
const view = new InstrumentView({ big: true });
const trend = new Trend(byId("instrument-trend"), byId("instrument-chart"));
let shownError = null;

function show(instrument) {
  showBadge(byId("instrument-state"), instrument.status, { quiet: instrument.status !== "error" });
  view.show(instrument);
  const limits = limitsOf(instrument);
  const [axis] = Object.keys(instrument.position ?? { position: 0 });
  showFacts(byId("instrument-facts"), [
    ["Name", instrument.name],
    ["Kind", instrument.kind],
    ["Driver", instrument.pybirch_class],
    ["Address", instrument.adapter ? h("span", { class: "mono" }, instrument.adapter) : null],
    ["Limits", limits && `${quantity(limits[0], unitOf(instrument, axis, 0))} to ${quantity(limits[1], unitOf(instrument, axis, 0))}`],
    ["Last heard", ago(instrument.updated_at)],
  ]);
  if (shownError !== (instrument.error ?? null)) {
    shownError = instrument.error ?? null;
    fill(byId("instrument-error"), shownError && errorPanel({
      title: "The instrument reported an error", what: shownError,
      safe: "Points measured before are kept. It may not be in its safe state.",
      next: "Look at it, at its power and its cable; then run the scan again: it connects anew.",
    }));
  }
}

function note(instrument, { changed, event }) {
  show(instrument);
  trend.add(instrument, event.timestamp);
  const list = byId("instrument-activity");
  const at = Object.entries(instrument.position ?? {})[0];
  const values = event.value && Object.entries(event.value).map(([name, value], i) => `${splitColumn(name).name} ${display(instrument, name, value, i)}`).join(", ");
  // What comes with every point (moving, measuring) is told once it has come to something.
  if (!values && !event.error && (!changed || ["moving", "measuring", "busy"].includes(instrument.status))) return;
  const text = [values ?? (instrument.status === "idle" && at ? `at ${display(instrument, at[0], at[1], 0, true)}` : instrument.status), event.error].filter(Boolean).join(" · ");
  if (list.firstElementChild?.dataset.text === text) return;
  list.prepend(h("li", { dataset: { text } }, h("time", { datetime: event.timestamp, title: absolute(event.timestamp) }, clock(event.timestamp, true)), h("span", {}, text)));
  while (list.children.length > 100) list.lastElementChild.remove();
}

fill(byId("instrument-now"), view.element);
const manager = new InstrumentRealtimeManager(initial.instrument_id, { realtime, onList: ([one]) => one && show(one), onInstrument: note });
start();
manager.start([initial]);
window.pybirch.instrument = manager;
