// What every page has: the connection and its indicator, search, theme, menus, Stop everything.

import { bindStopEverything } from "./actions.js";
import { get } from "./api.js";
import { byId, h, icon, setText } from "./dom.js";
import { duration, keepTimesRight, learnServerTime } from "./format.js";
import { bindMenus } from "./menus.js";
import { banner } from "./notices.js";
import { bindPalette } from "./palette.js";
import { PyBirchRealtime } from "./pybirch-realtime.js";
import { showBanners, stations, takeStation, takeStations } from "./stations.js";

export const realtime = new PyBirchRealtime();
window.pybirch = { realtime, stations };

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

async function refreshOverview() {
  const asked = Date.now();
  const overview = await get("/api/overview", { timeout: 4000 });
  learnServerTime(overview.now);
  takeStations(overview.stations ?? [], asked);
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
  bindMenus();
  window.addEventListener("pybirch:signed-out", () => banner("signed-out", "You are signed out.", {
    kind: "error", link: { href: `/login?next=${encodeURIComponent(location.pathname + location.search)}`, word: "Sign in" },
  }));
  // Pictures that are wanted when the server is gone are fetched while it is there.
  document.body.append(h("span", { class: "visually-hidden", "aria-hidden": "true" }, ["exclamation-triangle-fill", "x", "clipboard"].map(icon)));
  realtime.onState(showConnection);
  realtime.onStationStatus(takeStation);
  setInterval(showBanners, 1000);
  if (overview) realtime.onRefresh(refreshOverview);
  realtime.connect();
}
