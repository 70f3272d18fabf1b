// Decoding the columns of a data_block or of /data: see pybirch/wire.py for the encodings.

const SPECIAL = { nan: NaN, inf: Infinity, "-inf": -Infinity };

/** Float64Array of a column of numbers; a list of Float64Arrays where a reading is an array. */
export function decodeColumn(column, encoding) {
  const [rows, width] = [column.shape[0], column.shape.length > 1 ? column.shape[1] : undefined];
  if (column.shape.length > 1 && width === null) return column.values.map((row) => Float64Array.from(row, orNaN));
  const flat = encoding === "json" ? flatJson(column) : flatBinary(column, encoding);
  if (width === undefined) return flat;
  return Array.from({ length: rows }, (_, row) => flat.slice(row * width, (row + 1) * width));
}

const orNaN = (value) => (value === null ? NaN : value);

function flatJson(column) {
  const values = column.shape.length > 1 ? column.values.flat() : column.values;
  const flat = Float64Array.from(values, orNaN);
  for (const [position, what] of Object.entries(column.nonfinite ?? {})) flat[Number(position)] = SPECIAL[what] ?? NaN;
  return flat;
}

function flatBinary(column, encoding) {
  if (encoding !== "float32" && encoding !== "float64") throw new Error(`no encoding is called ${encoding}`);
  const text = atob(column.values);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const size = encoding === "float32" ? 4 : 8;
  const view = new DataView(bytes.buffer);
  const offset = column.offset ?? 0;
  const flat = new Float64Array(bytes.length / size);
  for (let i = 0; i < flat.length; i++) {
    flat[i] = offset + (size === 4 ? view.getFloat32(i * 4, true) : view.getFloat64(i * 8, true));
  }
  return flat;
}

/** A block, or an answer of /data, as {first, count, end, indexes, columns: [{name, unit, role, values, isArray}], replaces: [[first, count, first repeated]]}. */
export function decodeBlock(block) {
  const columns = block.columns.map((column) => ({
    name: column.name, unit: column.unit ?? "", role: column.role,
    values: decodeColumn(column, block.encoding), isArray: column.shape.length > 1,
  }));
  const first = block.first_index ?? 0;
  const indexes = block.indexes ?? null;
  const rows = indexes ? indexes.length : columns.length ? columns[0].values.length : block.count ?? 0;
  return { first, count: rows, end: block.end_index ?? first + rows, indexes, columns, replaces: block.replaces ?? [] };
}
