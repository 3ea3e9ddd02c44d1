/**
 * What tiles would look like in another light, until the server has made them.
 *
 * The server scales light before its tone curve; this scales the light of finished codes, which is
 * near enough for the moment that a slider moves.
 */

const SVG = "http://www.w3.org/2000/svg";
const STEPS = 64;

/** Linear light of an sRGB code of 0..1, and back (IEC 61966-2-1). */
const toLight = code => (code <= 0.04045 ? code / 12.92 : ((code + 0.055) / 1.055) ** 2.4);
const toCode = light => (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);
const clamp = value => Math.min(1, Math.max(0, value));

/** A code of one light in another: exposure in stops, contrast around mid grey. */
export function relight(code, from, to) {
  const before = toLight(clamp((code - 0.5) / from.contrast + 0.5));
  const after = toCode(clamp(before * 2 ** (to.exposure - from.exposure)));
  return clamp((after - 0.5) * to.contrast + 0.5);
}

/** A CSS filter from one light to another, or null where they are alike. */
export function previewFilter(id, from, to) {
  if (from.exposure === to.exposure && from.contrast === to.contrast) return null;
  const codes = Array.from({ length: STEPS + 1 }, (_, step) => relight(step / STEPS, from, to).toFixed(4));
  const transfer = document.createElementNS(SVG, "feComponentTransfer");
  for (const channel of ["R", "G", "B"]) {
    const part = document.createElementNS(SVG, `feFunc${channel}`);
    part.setAttribute("type", "table");
    part.setAttribute("tableValues", codes.join(" "));
    transfer.append(part);
  }
  const filter = document.createElementNS(SVG, "filter");
  filter.setAttribute("id", id);
  filter.setAttribute("color-interpolation-filters", "sRGB");
  for (const [name, value] of Object.entries({ x: 0, y: 0, width: 1, height: 1 })) filter.setAttribute(name, value);
  filter.append(transfer);
  document.getElementById(id)?.remove();
  document.getElementById("filters-svg").append(filter);
  return `url(#${id})`;
}
