// Drawing and searching for LiveChart, for x in any order: uPlot's own paths want x to rise.

import { quantity } from "./format.js";

/** Least and most of several lists, with a margin as a share of the span; never empty. */
export function rangeOf(lists, margin) {
  let low = Infinity;
  let high = -Infinity;
  for (const values of lists) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return widened(low, high, margin);
}

/** The range of the ys where x lies within `span`; null if nothing does. */
export function rangeWithin(x, lists, span, margin) {
  let low = Infinity;
  let high = -Infinity;
  for (const values of lists) {
    for (let i = 0; i < values.length; i++) {
      if (x[i] < span[0] || x[i] > span[1] || !Number.isFinite(values[i])) continue;
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
  }
  return low <= high ? widened(low, high, margin) : null;
}

function widened(low, high, margin) {
  if (!(low <= high) || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  if (low === high) {
    const around = Math.abs(low) * 0.05 || 0.5;
    return [low - around, high + around];
  }
  const more = (high - low) * margin;
  return [low - more, high + more];
}

/** Where a sweep turns back by a jump (a new line of a nested scan) the pen is lifted. */
function jumps(x, i, typical) {
  const step = x[i] - x[i - 1];
  const before = i > 1 ? x[i - 1] - x[i - 2] : step;
  return step * before < 0 && Math.abs(step) > 3 * Math.abs(before || typical);
}

/**
 * Draw one series; within one pixel column only first, least, most and last are drawn. Lines before
 * the last sweep are faint, so that the one being measured stands out.
 */
export function drawSeries(plot, x, y, colour) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio || 1;
  const toX = linear(plot, "x", bbox.left, bbox.width, false);
  const toY = linear(plot, "y", bbox.top, bbox.height, true);
  const dense = x.length > bbox.width;
  const sweeps = [new Path2D()];
  let pen = false;
  let pixel = null;
  let least = 0;
  let most = 0;
  let last = 0;
  const finish = () => {
    if (pixel === null) return;
    const path = sweeps.at(-1);
    if (least !== most) {
      path.lineTo(pixel, least);
      path.lineTo(pixel, most);
      path.lineTo(pixel, last);
    }
    pixel = null;
  };
  for (let i = 0; i < x.length; i++) {
    if (!Number.isFinite(y[i]) || !Number.isFinite(x[i])) {
      finish();
      pen = false;
      continue;
    }
    if (i > 0 && jumps(x, i, 0)) {
      finish();
      sweeps.push(new Path2D());
      pen = false;
    }
    const px = dense ? Math.round(toX(x[i])) : toX(x[i]);
    const py = toY(y[i]);
    if (pen && px === pixel) {
      least = Math.min(least, py);
      most = Math.max(most, py);
      last = py;
      continue;
    }
    finish();
    const path = sweeps.at(-1);
    if (pen) path.lineTo(px, py);
    else path.moveTo(px, py);
    pen = true;
    pixel = px;
    least = most = last = py;
  }
  finish();
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5 * ratio;
  ctx.lineJoin = dense ? "bevel" : "round";
  sweeps.forEach((path, i) => {
    ctx.globalAlpha = i === sweeps.length - 1 ? 1 : 0.3;
    ctx.stroke(path);
  });
  ctx.restore();
  if (x.length <= 80) drawDots(plot, x, y, colour, toX, toY);
}

/** Whole dots, at the frame as well; what a zoom leaves outside is left out. */
function drawDots({ ctx, bbox }, x, y, colour, toX, toY) {
  const inside = (at, from, size) => at >= from - 1 && at <= from + size + 1;
  ctx.save();
  ctx.fillStyle = colour;
  for (let i = 0; i < x.length; i++) {
    const [px, py] = [toX(x[i]), toY(y[i])];
    if (inside(px, bbox.left, bbox.width) && inside(py, bbox.top, bbox.height)) dot(ctx, px, py, 2.5 * (devicePixelRatio || 1));
  }
  ctx.restore();
}

function dot(ctx, x, y, radius) {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return;
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}

function linear(plot, scale, start, size, flipped) {
  const { min, max } = plot.scales[scale];
  const factor = size / (max - min);
  return flipped ? (value) => start + size - (value - min) * factor : (value) => start + (value - min) * factor;
}

/** Mark the last reading and write its value beside it, on the right. */
export function drawLast(plot, x, series, unit, colours, colour) {
  let i = x.length - 1;
  while (i >= 0 && !(Number.isFinite(series.values[i]) && Number.isFinite(x[i]))) i--;
  if (i < 0 || series.unlabelled) return;
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio || 1;
  const px = plot.valToPos(x[i], "x", true);
  const py = plot.valToPos(series.values[i], "y", true);
  if (px < bbox.left - 1 || px > bbox.left + bbox.width + 1 || py < bbox.top - 1 || py > bbox.top + bbox.height + 1) return;
  ctx.save();
  ctx.fillStyle = colour;
  dot(ctx, px, py, 3.5 * ratio);
  const text = quantity(series.values[i], series.unit, 4, false);
  ctx.font = `600 ${12 * ratio}px ${colours.font.slice(5)}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  const width = ctx.measureText(text).width;
  const room = plot.ctx.canvas.width - px - 8 * ratio;
  const left = room >= width ? px + 8 * ratio : px - width - 8 * ratio;
  const top = Math.max(bbox.top + 8 * ratio, Math.min(bbox.top + bbox.height - 8 * ratio, py));
  ctx.globalAlpha = 0.85;
  ctx.fillStyle = colours.surface;
  ctx.fillRect(left - 3 * ratio, top - 9 * ratio, width + 6 * ratio, 18 * ratio);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour;
  ctx.fillText(text, left, top);
  ctx.restore();
}

/** The row whose x is nearest to the pointer; where x repeats, the one nearest in y as well. */
export function nearest(plot, x, y) {
  const { left, top } = plot.cursor;
  if (left < 0 || !y || x.length === 0) return null;
  const toX = linear(plot, "x", 0, plot.over.clientWidth, false);
  const toY = linear(plot, "y", 0, plot.over.clientHeight, true);
  let best = null;
  let least = Infinity;
  for (let i = 0; i < x.length; i++) {
    const away = Math.abs(toX(x[i]) - left) + 0.05 * Math.abs(toY(y[i]) - top);
    if (away < least) {
      least = away;
      best = i;
    }
  }
  return best;
}
