// The readings of one measurement as this page has them: each index once, in order, without gaps; but
// those that were measured again after a rewind are left out as soon as that is known.

const MOST_ARRAY_VALUES = 2_000_000;

class Growing {
  constructor() {
    this.values = new Float64Array(1024);
    this.length = 0;
  }

  append(values, from) {
    const wanted = this.length + values.length - from;
    if (wanted > this.values.length) {
      const larger = new Float64Array(Math.max(wanted, this.values.length * 2));
      larger.set(this.values.subarray(0, this.length));
      this.values = larger;
    }
    for (let i = from; i < values.length; i++) this.values[this.length++] = values[i];
  }

  all() {
    return this.values.subarray(0, this.length);
  }

  remove(from, to) {
    this.values.copyWithin(from, to, this.length);
    this.length -= to - from;
  }
}

/** The first place in rising `values` that is not below `value`. */
function placeOf(values, value) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class MeasurementStore {
  constructor(name) {
    this.name = name;
    this.clear();
  }

  clear() {
    this.index = new Growing();
    this.columns = new Map();
    this.end = 0;
    this.decimated = false;
    this.version = 0;
    this.repeated = 0;
    this.removals = 0;
  }

  /** How many readings are known of: one past the last index. */
  get points() {
    return this.end;
  }

  get rows() {
    return this.index.length;
  }

  /** How many there are less those that were measured again. */
  get shown() {
    return this.end - this.repeated;
  }

  indexes() {
    return Array.from(this.index.all());
  }

  /** Start at a later reading (large arrays: only the last ones are held). */
  startAt(index) {
    if (this.end === 0) this.end = index;
  }

  /**
   * Take what is new of a decoded block.
   * @returns {"new"|"double"|"gap"} double: all was known; gap: readings before it are lacking.
   */
  append(block) {
    if (block.first > this.end) return "gap";
    if (block.end <= this.end) return "double";
    const positions = block.indexes;
    let from = 0;
    if (positions) while (from < positions.length && positions[from] < this.end) from++;
    else from = this.end - block.first;
    const numbers = positions ?? Float64Array.from({ length: block.count }, (_, i) => block.first + i);
    if (positions && block.count < block.end - block.first) this.decimated = true;
    this.index.append(numbers, from);
    for (const column of block.columns) this.#appendColumn(column, from);
    const before = this.end;
    this.end = block.end;
    for (const run of block.replaces ?? []) this.#leaveOut(run, before);
    this.version++;
    return "new";
  }

  /** What the readings of a run, as far as they are new, repeat is shown no more. */
  #leaveOut([first, count, replaces], known) {
    const start = Math.max(first, known);
    const many = Math.min(first + count, this.end) - start;
    if (many <= 0) return;
    this.repeated += many;
    const gone = replaces + start - first;
    const [from, to] = [placeOf(this.index.all(), gone), placeOf(this.index.all(), gone + many)];
    if (from === to) return;
    const { rows } = this;
    this.index.remove(from, to);
    for (const { isArray, data } of this.columns.values()) {
      if (!isArray) data.remove(from, to);
      else {
        const lacking = rows - data.length;
        data.splice(Math.max(0, from - lacking), Math.max(0, to - lacking) - Math.max(0, from - lacking));
      }
    }
    this.removals++;
  }

  #appendColumn(column, from) {
    const key = `${column.role}:${column.name}`;
    let held = this.columns.get(key);
    if (!held) {
      const { name, unit, role, isArray } = column;
      held = { key, name, unit, role, isArray, data: isArray ? [] : new Growing() };
      this.columns.set(key, held);
    }
    if (!held.isArray) {
      held.data.append(column.values, from);
      return;
    }
    for (let i = from; i < column.values.length; i++) held.data.push(column.values[i]);
    const most = Math.max(2, Math.floor(MOST_ARRAY_VALUES / Math.max(1, held.data.at(-1)?.length ?? 1)));
    if (held.data.length > most * 1.25) held.data.splice(0, held.data.length - most);
  }

  column(key) {
    return this.columns.get(key) ?? null;
  }

  ofRole(role) {
    return [...this.columns.values()].filter((column) => column.role === role);
  }

  /** Values of a column of numbers, as long as `rows`. */
  values(key) {
    return this.columns.get(key)?.data.all() ?? new Float64Array(0);
  }

  /** The last readings of an array column, oldest first. */
  arrays(key) {
    return this.columns.get(key)?.data ?? [];
  }
}
