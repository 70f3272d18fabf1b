// What every page has: the connection and its indicator, search, theme, Stop everything, station banners.

import { bindStopEverything } from "./actions.js";
import { get } from "./api.js";
import { byId, h, icon, setText } from "./dom.js";
import { duration, keepTimesRight, learnServerTime, secondsSince } from "./format.js";
import { banner } from "./notices.js";
import { bindPalette } from "./palette.js";
import { PyBirchRealtime } from "./pybirch-realtime.js";

export const realtime = new PyBirchRealtime();
window.pybirch = { realtime, stations: new Map() };
export const stations = window.pybirch.stations;
const stationListeners = new Set();

const LOOKS = { live: "connected", connecting: "connecting", reconnecting: "connecting", polling: "connecting", stale: "disconnected" };
const HINTS = {
  live: "Changes arrive as they happen",
  connecting: "Connecting to the server",
  reconnecting: "The connection dropped; trying again",
  polling: "Live updates are blocked on this network; the page asks every 2 s instead",
  stale: "The server does not answer; what you see is as old as told. Stations go on measuring and storing.",
};

function showConnection(state, age) {
  const box = byId("connection-status");
  const look = `connection-status ${LOOKS[state]}`;
  if (box.className !== look) box.className = look;
  if (box.dataset.state !== state) {
    box.dataset.state = state;
    box.title = HINTS[state];
  }
  const aged = (state === "stale" || state === "reconnecting") && age >= 1;
  setText(box.querySelector(".connection-text"), aged ? `${state} · ${duration(Math.floor(age))}` : state);
  const stale = state === "stale";
  if (document.body.dataset.connection !== state) document.body.dataset.connection = state;
  banner("connection", stale ? `The server has not answered for ${duration(Math.floor(age))}. Shown is what was known then; a running station goes on measuring and storing, and the page catches up by itself.` : null);
}

/** Be told when a station begins or ceases to answer. */
export function onStations(listener) {
  stationListeners.add(listener);
  listener(stations);
}

/** The station (if known) that owns this queue. */
export function stationOf(queueId, name = null) {
  if (name && stations.has(name)) return stations.get(name);
  return [...stations.values()].find((station) => station.queues?.includes(queueId)) ?? null;
}

export const isSilent = (station) => station !== null && station.state !== "live" && station.state !== "none";

export function takeStations(list) {
  for (const name of [...stations.keys()]) if (!list.some((station) => station.name === name)) stations.delete(name);
  for (const station of list) stations.set(station.name, { ...stations.get(station.name), ...station });
  forgetEnded();
  tellStations();
}

/** A station that ended in order ("none") is no news and no part of the lab any more. */
function forgetEnded() {
  for (const station of [...stations.values()]) {
    if (station.state !== "none") continue;
    banner(`station-${station.name}`, null);
    stations.delete(station.name);
  }
}

function tellStations() {
  for (const listener of stationListeners) listener(stations);
  showStations();
}

function showStations() {
  for (const station of stations.values()) {
    const age = duration(Math.floor(secondsSince(station.last_heard)));
    let text = null;
    if (station.state === "not_answering") text = `Station ${station.name} is not answering; last heard ${age} ago. States shown for it are from then; it may still be measuring.`;
    if (station.state === "exited") text = `Station ${station.name} has exited (last heard ${age} ago). What it was running is marked interrupted; stored points are kept.`;
    banner(`station-${station.name}`, text);
  }
}

async function refreshOverview() {
  const overview = await get("/api/overview", { timeout: 4000 });
  learnServerTime(overview.now);
  takeStations(overview.stations ?? []);
  return overview;
}

function bindTheme() {
  const stored = () => {
    try {
      return localStorage.getItem("pybirch-theme") ?? "auto";
    } catch {
      return "auto";
    }
  };
  for (const radio of document.querySelectorAll('input[name="theme"]')) {
    radio.checked = radio.value === stored();
    radio.addEventListener("change", () => {
      if (radio.value === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = radio.value;
      try {
        localStorage.setItem("pybirch-theme", radio.value);
      } catch {
        // Not kept where storage is forbidden.
      }
      window.dispatchEvent(new Event("pybirch:theme"));
    });
  }
}

/** Start the frame; `overview: false` where the page asks for the overview itself. */
export function start({ overview = true } = {}) {
  keepTimesRight();
  bindTheme();
  bindPalette();
  bindStopEverything();
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  window.addEventListener("pybirch:signed-out", () => banner("signed-out", "You are signed out.", {
    kind: "error", link: { href: `/login?next=${encodeURIComponent(location.pathname + location.search)}`, word: "Sign in" },
  }));
  // Pictures that are wanted when the server is gone are fetched while it is there.
  document.body.append(h("span", { class: "visually-hidden", "aria-hidden": "true" }, ["exclamation-triangle-fill", "x", "clipboard"].map(icon)));
  realtime.onState(showConnection);
  realtime.onStationStatus((event) => {
    stations.set(event.station, { ...stations.get(event.station), name: event.station, state: event.state, last_heard: event.last_heard, epoch: event.epoch });
    forgetEnded();
    tellStations();
  });
  setInterval(showStations, 1000);
  if (overview) realtime.onRefresh(refreshOverview);
  realtime.connect();
}
