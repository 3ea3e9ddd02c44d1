/** Requests to the server that served this page, and to no other. */

const TILE_FORMAT = "png";

/** A path of the server as an address; `null` for anything that leads elsewhere. */
export function local(path) {
  if (!path) return null;
  // The page may lie below a proxy's folder, so paths are relative to it.
  const url = new URL(path.replace(/^\//, ""), document.baseURI);
  return url.origin === location.origin ? url.href : null;
}

/**
 * The JSON of an answer.
 *
 * @throws {Error} with one line to show: the server's own, or that it doesn't answer.
 */
export async function ask(path, { method = "GET", body = null } = {}) {
  let response;
  try {
    const headers = body ? { "Content-Type": "application/json" } : {};
    if (method === "DELETE") headers["Content-Type"] = "application/json";
    response = await fetch(local(path), { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Error("The server doesn't answer. Is potato serve still running?");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  throw new Error(answer?.error ?? `The server answered ${response.status} ${response.statusText}`);
}

/** Exposure and contrast that give a finished picture the light of the state: it has its own. */
function lightOf({ exposure, contrast, pictures }, id) {
  const own = pictures.find(picture => picture.id === id) ?? { exposure: 0, contrast: 1 };
  const within = (value, least, most) => Number(Math.min(most, Math.max(least, value)).toFixed(3));
  return { exposure: within(exposure - own.exposure, -4, 4), contrast: within(contrast / own.contrast, 0.25, 4) };
}

/** The parameters that choose a pass, or the best of those that pass the filters. */
export function chosen(state, shown) {
  if (shown) return { pass: shown };
  const { from, to, sensor, clouds } = state;
  return { ...(from && { from }), ...(to && { to }), ...(sensor && { sensor }), ...(clouds < 100 && { clouds }) };
}

/** The parameters of a side's web tiles; `side` is "A" or "B". */
function parameters(state, side) {
  const shown = state[`pass${side}`], picture = /^picture:(.*)/.exec(shown)?.[1];
  const { exposure, contrast } = lightOf(state, picture);
  const all = picture ? { picture }
    : { ...chosen(state, shown), view: state[`view${side}`], weights: state[`weights${side}`], look: state.look };
  if (exposure !== 0) all.exposure = exposure;
  if (contrast !== 1) all.contrast = contrast;
  return new URLSearchParams(Object.entries(all).filter(([, value]) => value !== ""));
}

/** The template of a side's web tiles, with {z}, {x} and {y}. */
export function tilesOf(state, side) {
  const query = parameters(state, side).toString();
  const folder = new URL("tiles/", document.baseURI).href;
  return `${folder}{z}/{x}/{y}.${TILE_FORMAT}${query ? `?${query}` : ""}`;
}

/** Why a web tile couldn't be had, in one line. */
export async function whyNot(url) {
  try {
    await ask(url.slice(new URL(".", document.baseURI).href.length));
    return null;
  } catch (error) {
    return error.message;
  }
}
