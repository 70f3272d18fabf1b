// The stations as the server tells of them: who answers, who has ended, and what the banners say of it.

import { mayOperate, whileInFlight } from "./actions.js";
import { path, post } from "./api.js";
import { clock, duration, secondsSince } from "./format.js";
import { ask, banner } from "./notices.js";

export const stations = new Map();
const listeners = new Set();
const ended = new Map();
const heardAt = new Map();
let heardOf = false;

/** Be told when a station begins or ceases to answer. */
export function onStations(listener) {
  listeners.add(listener);
  listener(stations);
}

/** The station (if known) that owns this queue. */
export function stationOf(queueId, name = null) {
  if (name && stations.has(name)) return stations.get(name);
  return [...stations.values()].find((station) => station.queues?.includes(queueId)) ?? null;
}

export const isSilent = (station) => station !== null && station.state !== "live" && station.state !== "none";

/** Why nothing can be started in this queue now; null where its station answers, or before any was heard of. */
export function whyNot(queue) {
  if (!heardOf) return null;
  const station = stationOf(queue.queue_id, queue.station);
  if (!station) return queue.station ? `Station ${queue.station} is not connected.` : "No station has taken this queue up. Start one with: pybirch station my_lab.py";
  if (station.state === "not_answering") return `Station ${station.name} does not answer.`;
  return station.state === "live" ? null : `Station ${station.name} has ended. Start it again first.`;
}

/** The whole list, as REST tells it; what was heard live since it was asked for wins. */
export function takeStations(list, asked = Date.now()) {
  heardOf = true;
  const live = (name) => (heardAt.get(name) ?? 0) >= asked;
  for (const name of [...stations.keys()]) if (!live(name) && !list.some((station) => station.name === name)) stations.delete(name);
  for (const station of list) {
    const held = stations.get(station.name);
    const wins = live(station.name) ? (held ?? { state: "none" }) : {};
    stations.set(station.name, { ...held, ...station, ...wins });
  }
  tell();
}

/** One station's change, as `station_status` tells it. */
export function takeStation({ station: name, state, last_heard, epoch, reason, kept }) {
  heardAt.set(name, Date.now());
  stations.set(name, { ...stations.get(name), name, state, last_heard, epoch, reason, kept });
  tell();
}

/** A station that ended in order ("none") is no news and no part of the lab any more. */
function forgetOrderly() {
  for (const station of [...stations.values()]) {
    if (station.state !== "none") continue;
    banner(`station-${station.name}`, null);
    ended.delete(station.name);
    stations.delete(station.name);
  }
}

function tell() {
  forgetOrderly();
  for (const listener of listeners) listener(stations);
  showBanners();
}

/** Written anew every second, for the age. */
export function showBanners() {
  for (const station of stations.values()) {
    if (station.state === "exited" && !ended.has(station.name)) ended.set(station.name, station.last_heard);
    const gone = ended.has(station.name);
    const close = station.state === "live" && gone ? () => ended.delete(station.name) : null;
    const act = station.state === "not_answering" && mayOperate() ? giveUp(station.name) : null;
    banner(`station-${station.name}`, bannerOf(station), { kind: close ? "news" : "warning", close, act });
  }
}

/** Somebody has looked, and its process is gone: what it was running is marked interrupted. */
const giveUp = (name) => ({
  word: "It is gone …", title: "Mark what it was running as interrupted",
  run: async (button) => {
    const sure = await ask({
      title: `Is station ${name} gone?`,
      text: "Only say so when you know that its process has ended: nothing that it may still measure is kept afterwards. What it was running is marked interrupted. Look at its instruments: nobody has made them safe.",
      yes: "It is gone", danger: true,
    });
    if (sure) await whileInFlight(button, () => post(path("station", name, "gone")));
  },
});

/** What is said of a station; its end is not forgotten when it is back, until somebody has read of it. */
function bannerOf({ name, state, last_heard: heard, reason }) {
  const age = duration(Math.floor(secondsSince(heard)));
  if (state === "not_answering") return `Station ${name} is not answering; last heard ${age} ago. States shown for it are from then; it may still be measuring.`;
  if (state === "exited") return `Station ${name} has exited (last heard ${age} ago)${reason ? `: ${reason.replace(/[.\s]+$/, "")}` : ""}. What it was running is marked interrupted; stored points are kept.`;
  if (state === "live" && ended.has(name)) return `Station ${name} ended at ${clock(ended.get(name), true)} and is back. What it was running then is marked interrupted: Resume goes on after the last stored point.`;
  return null;
}
