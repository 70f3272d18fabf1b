// All readings of an array column as a map: one row a reading, viridis from least to most.

const VIRIDIS = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
];

function viridis(share) {
  const place = Math.max(0, Math.min(1, share)) * (VIRIDIS.length - 1);
  const low = Math.min(VIRIDIS.length - 2, Math.floor(place));
  return VIRIDIS[low].map((channel, i) => channel + (VIRIDIS[low + 1][i] - channel) * (place - low));
}

const TABLE = Array.from({ length: 256 }, (_, i) => viridis(i / 255).map(Math.round));

export function drawBar(canvas) {
  canvas.width = 256;
  canvas.height = 1;
  const image = new ImageData(256, 1);
  TABLE.forEach((colour, i) => image.data.set([...colour, 255], i * 4));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Put the canvas under the chart's plot area, so that both share the x axis. */
export function alignTo(canvas, plot) {
  const ratio = devicePixelRatio || 1;
  const shift = plot.root.getBoundingClientRect().left + plot.bbox.left / ratio - canvas.parentElement.getBoundingClientRect().left;
  const padding = parseFloat(getComputedStyle(canvas.parentElement).paddingLeft);
  canvas.style.marginLeft = `${shift - padding}px`;
  canvas.style.width = `${plot.bbox.width / ratio}px`;
}

/** Draw `rows` (arrays, oldest first, oldest on top); returns {low, high}. */
export function drawHeatmap(canvas, rows) {
  const width = Math.min(rows[0].length, 1200);
  const height = Math.min(rows.length, 400);
  let low = Infinity;
  let high = -Infinity;
  const grid = new Float64Array(width * height);
  for (let line = 0; line < height; line++) {
    const row = rows[Math.floor((line * rows.length) / height)];
    for (let column = 0; column < width; column++) {
      const from = Math.floor((column * row.length) / width);
      const to = Math.max(from + 1, Math.floor(((column + 1) * row.length) / width));
      let most = -Infinity;
      for (let i = from; i < to; i++) if (row[i] > most) most = row[i];
      grid[line * width + column] = most;
      if (most < low && Number.isFinite(most)) low = most;
      if (most > high && Number.isFinite(most)) high = most;
    }
  }
  const image = new ImageData(width, height);
  const factor = high > low ? 255 / (high - low) : 0;
  for (let i = 0; i < grid.length; i++) {
    if (!Number.isFinite(grid[i])) continue;
    const colour = TABLE[Math.round((grid[i] - low) * factor)];
    image.data.set(colour, i * 4);
    image.data[i * 4 + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return { low, high };
}
