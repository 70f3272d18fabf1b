import { byId, empty, fill, h, initialData, setText } from "../dom.js";
import { plural } from "../format.js";
import { InstrumentRealtimeManager } from "../instrument-realtime.js";
import { InstrumentCard } from "../instrument-view.js";
import { realtime, start } from "../shell.js";
import { isSilent, onStations, stations } from "../stations.js";

const grid = byId("instruments-grid");
const cards = new Map();

function showAll(list) {
  setText(byId("instruments-count"), list.length ? plural(list.length, "instrument") : "");
  if (list.length === 0) {
    cards.clear();
    fill(grid, empty("cpu", "No instruments yet", "An instrument appears here when a station or a scan uses it the first time. Describe yours in a file like ",
      h("code", {}, "examples/my_lab.py"), " and run ", h("code", {}, "pybirch station my_lab.py"), "."));
    return;
  }
  if (cards.size === 0) fill(grid);
  for (const one of list) showOne(one);
}

function showOne(instrument) {
  let card = cards.get(instrument.instrument_id);
  if (!card) {
    card = new InstrumentCard();
    cards.set(instrument.instrument_id, card);
    grid.append(card.element);
  }
  card.show(instrument);
}

const initial = initialData();
const manager = new InstrumentRealtimeManager(null, { realtime, onList: showAll, onInstrument: showOne });
start();
manager.start(Array.isArray(initial) ? initial : initial?.items ?? []);
onStations(() => grid.classList.toggle("is-stale", stations.size > 0 && [...stations.values()].every(isSilent)));
window.pybirch.instruments = manager;
