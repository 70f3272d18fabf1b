// What a scan's page says of a failure: only what is known of its instruments.

import { plural } from "./format.js";

/** Names of the instruments of a plan. */
export function instrumentsOf(tree) {
  const names = new Set();
  const walk = (part) => {
    if (part === null || typeof part !== "object") return;
    if (part.instrument?.name) names.add(part.instrument.name);
    for (const inner of Object.values(part)) walk(inner);
  };
  walk(tree);
  return [...names];
}

const listed = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0]);

/** Whether the text speaks of `name`, as a word of its own. */
function speaksOf(text, name) {
  const letter = /[\p{L}\p{N}_]/u;
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    if (!letter.test(text[at - 1] ?? " ") && !letter.test(text[at + name.length] ?? " ")) return true;
  }
  return false;
}

/**
 * {what, safe, next} of a failed scan.
 * @param points that are stored
 * @param instruments as /api/instruments/status tells them; null while that is not known
 */
export function failureOf(scan, points, instruments) {
  const what = scan.error || scan.message || "No reason was given.";
  const mine = instrumentsOf(scan.settings?.scan_tree ?? scan.settings?.scan_tree_data);
  const named = mine.filter((name) => speaksOf(what, name));
  const inError = (instruments ?? []).filter((one) => one.status === "error" && mine.includes(one.name)).map((one) => one.name);
  const unsafe = [...new Set([...inError, ...(/safe state/i.test(what) ? named : [])])];
  const kept = `${plural(points, "point")} measured before ${points === 1 ? "is" : "are"} stored.`;
  return { what, safe: `${kept} ${safetyOf(unsafe, what, instruments)}`.trim(), next: nextAfter(unsafe, named) };
}

function safetyOf(unsafe, what, instruments) {
  if (unsafe.length > 0) return `Not safe: ${listed(unsafe)} reported an error and may not be in ${unsafe.length > 1 ? "their safe states" : "its safe state"}.`;
  if (/safe state/i.test(what)) return "Not every instrument was put in its safe state; see what happened.";
  if (instruments === null) return "";
  return "The instruments it used were told to go to their safe state, and none of them reports an error.";
}

function nextAfter(unsafe, named) {
  const again = "Run again: a new scan with the same settings.";
  if (unsafe.length > 0) return `Go and look at ${listed(unsafe)} first. When all is well, ${again}`;
  if (named.length > 0) return `Look at ${listed(named)}, then ${again}`;
  return `Mend what is said above, then ${again}`;
}
