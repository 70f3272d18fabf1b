// Numbers, units, times and durations as people read them.

const PREFIXES = { "-15": "f", "-12": "p", "-9": "n", "-6": "µ", "-3": "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T" };
const TAKES_PREFIX = new Set(["V", "A", "Ω", "Ohm", "ohm", "W", "Hz", "m", "s", "F", "H", "T", "K", "J", "N", "Pa", "C", "S", "eV", "B", "Vrms", "g", "bit"]);
const MINUS = "\u2212";
const THIN = "\u202f";

/** The prefix that brings `size` to 1..999 of `unit`: {factor, unit}; units that take none stay. */
export function prefixFor(size, unit) {
  const plain = { factor: 1, unit: unit ?? "" };
  if (!TAKES_PREFIX.has(unit) || !Number.isFinite(size) || size === 0) return plain;
  let power = Math.floor(Math.log10(Math.abs(size) * (1 + 1e-9)) / 3) * 3;
  power = Math.max(-15, Math.min(12, power));
  if (unit === "s" && power > 0) power = 0;
  return { factor: 10 ** -power, unit: PREFIXES[power] + unit };
}

/** A number in `digits` significant digits; with `trim` without trailing zeros. */
export function number(value, digits = 5, trim = true) {
  if (value === null || value === undefined) return "–";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) {
    const [mantissa, power] = value.toExponential(Math.max(0, digits - 2)).split("e");
    return `${sign(trim ? stripZeros(mantissa) : mantissa)}e${sign(power.replace("+", ""))}`;
  }
  if (Number.isInteger(value) && size >= 10 ** digits) return sign(value.toLocaleString("en"));
  const text = value.toPrecision(digits);
  return sign(text.includes("e") ? Number(text).toLocaleString("en") : trim ? stripZeros(text) : text);
}

const stripZeros = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
const sign = (text) => text.replace("-", MINUS);

/** Value and unit with an engineering prefix: 0.00123 V is "1.23 mV". */
export function quantity(value, unit = "", digits = 5, trim = true) {
  if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
  const { factor, unit: shown } = prefixFor(value, unit);
  const text = number(value * factor, digits, trim);
  return shown ? `${text}${THIN}${shown}` : text;
}

/** What rounding leaves of a zero among values as large as this is zero. */
export const nearZero = (value, most) => (Math.abs(value) < 1e-12 * most ? 0 : value);

/** The largest magnitude among these; 0 where there is none. */
export function largest(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i])) most = Math.max(most, Math.abs(values[i]));
  return most;
}

const DIGITS = 5;

/**
 * How a column of these values is written: {unit, decimals, text(value)}. All with one prefix and as many
 * decimals, so that it can be read down; only what that would round away keeps digits of its own.
 * `trim` takes the decimals that are zero in every row.
 */
export function columnScale(values, unit, trim = false) {
  const most = largest(values);
  const { factor, unit: shown } = prefixFor(most, unit);
  const finest = most > 0 ? Math.max(0, DIGITS - 1 - Math.floor(Math.log10(most * factor) + 1e-9)) : 0;
  const plain = most * factor < 1e7 && finest <= 8;
  const settled = (value) => nearZero(value, most) * factor;
  const decimals = trim && plain ? fewest(Array.from(values, settled), finest) : finest;
  const text = (value) => {
    const scaled = settled(value);
    if (!Number.isFinite(scaled) || !plain || (scaled !== 0 && Math.abs(scaled) < 10 ** (1 - finest))) return number(scaled, DIGITS - 1);
    return sign(scaled.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }));
  };
  return { unit: shown, decimals, text };
}

/** Decimals that write all values as well as `finest` do. */
function fewest(values, finest) {
  const alike = (value, decimals) => !Number.isFinite(value) || Math.abs(Number(value.toFixed(decimals)) - Number(value.toFixed(finest))) < 0.5 * 10 ** -finest;
  let decimals = finest;
  while (decimals > 0 && values.every((value) => alike(value, decimals - 1))) decimals--;
  return decimals;
}

/** "voltage (V)" -> {name: "voltage", unit: "V"}. */
export function splitColumn(column) {
  const match = /^(.*\S)\s*\(([^()]*)\)$/.exec(column);
  return match ? { name: match[1], unit: match[2] } : { name: column, unit: "" };
}

export const count = (value) => (value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en"));
export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;
export const percent = (share) => `${Math.floor(Math.max(0, Math.min(1, share || 0)) * 100)}${THIN}%`;

/** Seconds as "12 s", "3 min 05 s", "2 h 04 min", "3 d 4 h". */
export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

export function rate(perSecond) {
  if (!Number.isFinite(perSecond) || perSecond <= 0) return "–";
  if (perSecond >= 0.95) return `${number(perSecond, perSecond >= 100 ? 3 : 2)}/s`;
  return perSecond * 60 >= 0.95 ? `${number(perSecond * 60, 2)}/min` : `${number(perSecond * 3600, 2)}/h`;
}

let offset = 0;

/** Learn the server's clock, so that ages are right on a computer whose own clock is not. */
export function learnServerTime(iso) {
  const then = Date.parse(iso);
  if (Number.isFinite(then) && Math.abs(then - Date.now() - offset) > 500) offset = then - Date.now();
}

export const now = () => Date.now() + offset;
export const secondsSince = (iso) => (iso ? Math.max(0, (now() - Date.parse(iso)) / 1000) : NaN);

/** "14:32", with the day if it is another; `seconds` adds them. */
export function clock(moment, seconds = false) {
  const date = moment instanceof Date ? moment : new Date(moment);
  if (Number.isNaN(date.getTime())) return "–";
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined });
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return time;
  const sameYear = date.getFullYear() === today.getFullYear();
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: sameYear ? undefined : "numeric" })} ${time}`;
}

/** When it will be, so many seconds from now. */
export const clockIn = (seconds) => clock(new Date(now() + seconds * 1000), seconds < 120);

export const absolute = (iso) => (iso ? new Date(iso).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }) : "");

/** "3 s ago"; older than a day the date itself. */
export function relative(iso) {
  const age = secondsSince(iso);
  if (!Number.isFinite(age)) return "–";
  if (age < 2) return "just now";
  if (age < 60) return `${Math.floor(age)} s ago`;
  if (age < 3600) return `${Math.floor(age / 60)} min ago`;
  if (age < 86400) return `${Math.floor(age / 3600)} h ago`;
  return clock(iso);
}

/** A <time> that stays right by itself (see keepTimesRight) and tells the whole moment on hover. */
export function ago(iso) {
  const element = document.createElement("time");
  if (!iso) {
    element.textContent = "–";
    return element;
  }
  element.dateTime = iso;
  element.dataset.relative = "";
  element.title = absolute(iso);
  element.textContent = relative(iso);
  return element;
}

export function keepTimesRight() {
  setInterval(() => {
    for (const element of document.querySelectorAll("time[data-relative]")) {
      const text = relative(element.dateTime);
      if (element.textContent !== text) element.textContent = text;
    }
  }, 1000);
}
