/**
 * What tiles would look like in another light, until the server has made them.
 *
 * Codes go back through the tone curve of their look and come again through another, as on the
 * server (`potato.core.render.tone`), but each channel alone, in place of the luminance: greys are
 * exact, colours are near enough for the moment that a slider moves.
 */

const SVG = "http://www.w3.org/2000/svg";
const STEPS = 64;

/** Linear light of an sRGB code of 0..1, and back (IEC 61966-2-1). */
const toLight = code => (code <= 0.04045 ? code / 12.92 : ((code + 0.055) / 1.055) ** 2.4);
const toCode = light => (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);
const clamp = value => Math.min(1, Math.max(0, value));

const MID_GREY = 0.18; // reflectance of a grey card

/**
 * The tone curve of a light, and its inverse, between linear light of the ground and of the screen.
 *
 * A light has `exposure` in stops, `contrast`, and the `curve` of a look: its own exposure and
 * contrast, or null, where light is multiplied and bent around mid grey.
 */
function curveOf({ exposure, contrast, curve }) {
  const gain = 2 ** exposure;
  if (!curve) {
    return {
      tone: light => MID_GREY * (light * gain / MID_GREY) ** contrast,
      untone: light => MID_GREY * (light / MID_GREY) ** (1 / contrast) / gain,
    };
  }
  const e = curve.exposure * gain, c = curve.contrast * contrast, white = 1 + e ** -c;
  return {
    tone: light => white * (e * light) ** c / (1 + (e * light) ** c),
    untone: light => (light / (white - light)) ** (1 / c) / e,
  };
}

/** A code of 0..1 in one light, as it is in another. */
export function relight(code, from, to) {
  return toCode(clamp(curveOf(to).tone(curveOf(from).untone(toLight(code)))));
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
