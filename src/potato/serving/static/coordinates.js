/**
 * Places as people write them: decimal degrees, degrees with minutes and seconds, UTM, MGRS, WKT,
 * `geo:` and the addresses of common maps.
 */

import { utmProjection, utmTransforms } from "./openlayers.js";

const PAIR = String.raw`(-?\d+(?:\.\d+)?)`;
const ADDRESSES = [
  [new RegExp(`^geo:${PAIR},${PAIR}`, "i"), false],
  [new RegExp(`@${PAIR},${PAIR}`), false],
  [new RegExp(String.raw`#map=[\d.]+/${PAIR}/${PAIR}`), false],
  [new RegExp(String.raw`[?&](?:q|ll|query)=${PAIR},${PAIR}`), false],
  [new RegExp(String.raw`^(?:SRID=4326;)?\s*POINT\s*Z?\s*\(\s*${PAIR}\s+${PAIR}`, "i"), true],
];
const UTM = /^(\d{1,2})\s*([C-HJ-NP-X])\s+(\d{6}(?:\.\d+)?)\s*(?:m?E)?[\s,]+(\d{1,8}(?:\.\d+)?)\s*(?:m?N)?$/i;
const MGRS = /^(\d{1,2})\s*([C-HJ-NP-X])\s*([A-HJ-NP-Z])([A-HJ-NP-V])\s*(\d*)\s*(\d*)$/i;

/** Rows of squares of 100 km repeat after 2,000 km; odd zones begin with A, even ones with F. */
const ROWS = "ABCDEFGHJKLMNPQRSTUV";
const COLUMNS = ["STUVWXYZ", "ABCDEFGH", "JKLMNPQR"];
/** The least northing of each band of latitude, in 100 km (NGA.STND.0037, table of MGRS). */
const LEAST_NORTHING = {
  C: 11, D: 20, E: 28, F: 37, G: 46, H: 55, J: 64, K: 73, L: 82, M: 91,
  N: 0, P: 8, Q: 17, R: 26, S: 35, T: 44, U: 53, V: 62, W: 70, X: 79,
};

/**
 * Read a place.
 *
 * @returns {{lon, lat, note, other}|null} degrees; `note` says how it was read; `other` is the place
 *   if the two numbers were meant the other way round, or null. Null: these are no coordinates.
 * @throws {Error} with one line: coordinates, but impossible ones.
 */
export function readPlace(text) {
  const plain = tidy(text);
  for (const [pattern, east] of ADDRESSES) {
    const found = pattern.exec(plain);
    if (found) {
      const [lon, lat] = (east ? [found[1], found[2]] : [found[2], found[1]]).map(Number);
      return checked(lon, lat, `${east ? "longitude" : "latitude"} first, as such addresses have it`, null);
    }
  }
  const utm = UTM.exec(plain);
  if (utm) return fromUtm(Number(utm[1]), utm[2].toUpperCase(), Number(utm[3]), Number(utm[4]), "UTM");
  const mgrs = MGRS.exec(plain);
  if (mgrs && (mgrs[5] + mgrs[6]).length % 2 === 0) return fromMgrs(mgrs);
  return readDegrees(plain);
}

function tidy(text) {
  return text.trim()
    .replace(/[−–—‐‑]/g, "-")
    .replace(/[′’‘´`]/g, "'")
    .replace(/[″”“]|''/g, '"')
    .replace(/[º˚]/g, "°")
    .replace(/\s+/g, " ");
}

function readDegrees(plain) {
  // A label does what a letter of the compass does.
  const text = plain
    .replace(/\blat(?:itude)?\b\s*[:=]?/gi, "N")
    .replace(/\b(?:lon|lng|long)(?:gitude)?\b\s*[:=]?/gi, "E");
  if (!/\d/.test(text) || /[^\d\s.,;:°'"NSEWdms+-]/i.test(text)) return null;
  const letters = text.match(/[NSEW]/gi) ?? [];
  if (letters.length === 2) return readLettered(text);
  return letters.length ? null : readNumbers(text);
}

/** Each half has its letter, before or after its numbers. */
function readLettered(text) {
  const before = /^[NSEW]/i.test(text);
  const at = before ? text.slice(1).search(/[NSEW]/i) + 1 : text.search(/[NSEW]/i) + 1;
  const halves = [text.slice(0, at), text.slice(at)];
  const letters = halves.map(half => half.match(/[NSEW]/i)?.[0].toUpperCase());
  const north = letters.findIndex(letter => letter === "N" || letter === "S");
  const east = letters.findIndex(letter => letter === "E" || letter === "W");
  const angles = halves.map(half => angle(half.replace(/[NSEW]/gi, " ").replace(/^[\s,;]+|[\s,;]+$/g, "")));
  if (north < 0 || east < 0 || angles.includes(null)) return null;
  const [lat, lon] = [north, east].map(
    side => (letters[side] === "S" || letters[side] === "W" ? -1 : 1) * angles[side]);
  return checked(lon, lat, "as the letters say", null);
}

/** Two numbers, or twice degrees, minutes and seconds: the order must be guessed. */
function readNumbers(text) {
  let halves = text.includes(";") ? text.replace(/(\d),(\d)/g, "$1.$2").split(";") : text.split(",");
  const spaced = halves.length === 1;
  if (spaced) {
    const parts = text.split(" ");
    if (parts.length % 2) return null;
    halves = [parts.slice(0, parts.length / 2).join(" "), parts.slice(parts.length / 2).join(" ")];
  }
  if (halves.length !== 2) return null;
  const [first, second] = halves.map(half => angle(half.trim()));
  if (first === null || second === null) return null;
  if (Math.abs(first) > 90) return checked(first, second, `longitude first, since ${first} is no latitude`, null);
  if (Math.abs(second) > 90) return checked(second, first, `latitude first, since ${second} is no latitude`, null);
  return ordered(first, second, spaced, spaced ? "longitude first, since no comma divides them"
    : "latitude first, since a comma divides them");
}

function ordered(first, second, eastFirst, note) {
  const [lon, lat] = eastFirst ? [first, second] : [second, first];
  const other = Math.abs(lon) <= 90 ? { lon: lat, lat: lon } : null;
  return checked(lon, lat, note, other);
}

/** Degrees of "12.5", "12 30", "12°30'36\"" or "12:30:36"; null for anything else. */
function angle(text) {
  const found = /^([+-]?)\s*(\d+(?:\.\d+)?)\s*[°d:]?\s*(?:(\d+(?:\.\d+)?)\s*['m:]?\s*(?:(\d+(?:\.\d+)?)\s*["s]?)?)?$/i
    .exec(text);
  if (!found) return null;
  const [, sign, degrees, minutes = "0", seconds = "0"] = found;
  if ((found[3] && degrees.includes(".")) || (found[4] && minutes.includes("."))) return null;
  if (minutes >= 60 || seconds >= 60) throw new Error("Minutes and seconds are below 60");
  return (sign === "-" ? -1 : 1) * (Number(degrees) + minutes / 60 + seconds / 3600);
}

function checked(lon, lat, note, other) {
  if (Math.abs(lat) > 90) throw new Error(`Latitudes go from −90 to 90, not to ${lat}`);
  if (Math.abs(lon) > 180) throw new Error(`Longitudes go from −180 to 180, not to ${lon}`);
  return { lon, lat, note, other };
}

function fromUtm(zone, band, easting, northing, note) {
  if (zone < 1 || zone > 60) throw new Error(`UTM zones go from 1 to 60, not to ${zone}`);
  const south = band < "N";
  const code = `EPSG:${(south ? 32700 : 32600) + zone}`;
  const [lon, lat] = utmTransforms(utmProjection(code)).inverse([easting, northing]);
  return checked(lon, lat, `${note}, zone ${zone} ${south ? "south" : "north"}, band ${band}`, null);
}

/** The middle of a square of MGRS. */
function fromMgrs([, zoneText, bandText, columnText, rowText, left, right]) {
  const zone = Number(zoneText), band = bandText.toUpperCase(), digits = left + right;
  const half = digits.length / 2, step = 10 ** (5 - half);
  const column = COLUMNS[zone % 3].indexOf(columnText.toUpperCase());
  if (half > 5 || column < 0) throw new Error(`Zone ${zone} has no square ${columnText}${rowText}`);
  const row = (ROWS.indexOf(rowText.toUpperCase()) + (zone % 2 ? 0 : 15)) % 20;
  const least = LEAST_NORTHING[band];
  const northing = (row + 20 * Math.ceil((least - row) / 20)) * 1e5;
  const [east, north] = [digits.slice(0, half), digits.slice(half)].map(part => Number(part || 0) * step);
  return fromUtm(zone, band, (column + 1) * 1e5 + east + step / 2, northing + north + step / 2, "MGRS");
}

/** "12.42000° N, 86.54000° W". */
export function writePlace(lon, lat, digits = 5) {
  const side = (degrees, positive, negative) =>
    `${Math.abs(degrees).toFixed(digits)}° ${degrees < 0 ? negative : positive}`;
  return `${side(lat, "N", "S")}, ${side(lon, "E", "W")}`;
}
