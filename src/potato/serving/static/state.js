/**
 * What the page shows, in one object of plain values, and the address bar that keeps it.
 *
 * Every part of the page reads the store and sets it; none keeps a second copy. A key that has its
 * default is left out of the address.
 */

/** Text of the given choices, or nothing. */
const oneOf = choices => ({ read: text => (choices.includes(text) ? text : undefined), write: String });

/** A number of a range, or nothing. */
const between = (least, most) => ({
  read: text => {
    const number = Number(text);
    return text.trim() && number >= least && number <= most ? number : undefined;
  },
  write: number => String(Number(number.toFixed(3))),
});

const words = { read: text => text.slice(0, 200), write: String };
const date = { read: text => (/^\d{4}-\d\d-\d\d$/.test(text) ? text : undefined), write: String };
const flag = { read: text => text === "1", write: value => (value ? "1" : "0") };

/** [longitude, latitude]. */
const place = {
  read: text => {
    const [lat, lon] = text.split(",").map(Number);
    return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? [lon, lat] : undefined;
  },
  write: ([lon, lat]) => `${lat.toFixed(6)},${lon.toFixed(6)}`,
};

/** Corners of a polygon, each [longitude, latitude]; the last isn't the first again. */
const ring = {
  read: text => {
    const corners = text.split(";").map(place.read);
    return corners.length >= 3 && corners.every(Boolean) ? corners : undefined;
  },
  write: corners => corners.map(place.write).join(";"),
};

/** Zoom and centre, as OpenStreetMap writes them: zoom/latitude/longitude. */
const camera = {
  read: text => {
    const [zoom, lat, lon] = text.split("/").map(Number);
    const valid = zoom >= 0 && zoom <= 30 && Math.abs(lat) <= 90 && Math.abs(lon) <= 180;
    return valid ? { zoom, lon, lat } : undefined;
  },
  write: ({ zoom, lon, lat }) => `${zoom.toFixed(2)}/${lat.toFixed(6)}/${lon.toFixed(6)}`,
};

const MODES = ["single", "swipe", "blink", "fade"];
const TABS = ["passes", "adjust", "point", "sharpen"];

/** Each key of the state: its default, and how the address bar writes it. */
const KEYS = {
  map: [null, camera],
  // A pass's ID; "" for the best pass of each place; "picture:ID" for a picture that was made.
  passA: ["", words], passB: ["", words],
  viewA: ["", words], viewB: ["", words],
  weightsA: ["", words], weightsB: ["", words],
  mode: ["single", oneOf(MODES)],
  split: [0.5, between(0, 1)],
  mix: [0.5, between(0, 1)],
  look: ["", words],
  exposure: [0, between(-4, 4)],
  contrast: [1, between(0.25, 4)],
  opacity: [1, between(0, 1)],
  from: ["", date], to: ["", date],
  clouds: [100, between(0, 100)],
  sensor: ["", words],
  order: ["newest", oneOf(["newest", "oldest", "clearest", "steepest"])],
  inView: [false, flag],
  footprints: [true, flag],
  tab: ["passes", oneOf(TABS)],
  at: [null, place],
  area: [null, ring],
  // The finished pictures of the server, which the address doesn't keep.
  pictures: [[], null],
};

const DELAY = 200; // ms, since browsers refuse many changes of the address in a short time

/** The state that an address's hash describes; what can't be read there has its default. */
export function readHash(hash) {
  const state = Object.fromEntries(Object.entries(KEYS).map(([key, [value]]) => [key, value]));
  for (const [key, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (Object.hasOwn(KEYS, key)) state[key] = KEYS[key][1]?.read(text) ?? state[key];
  }
  return state;
}

/** The hash that describes a state; what is as by default is left out. */
export function writeHash(state, defaults) {
  const parts = Object.entries(KEYS).flatMap(([key, [, form]]) => {
    if (!form || state[key] === defaults[key] || state[key] === null) return [];
    // These marks may stay as they are in a hash, which keeps it legible.
    const text = encodeURIComponent(form.write(state[key])).replace(/%(2F|2C|3A|3B)/g, decodeURIComponent);
    return [`${key}=${text}`];
  });
  return `#${parts.join("&")}`;
}

/** The state, and those who watch it. */
export class Store {
  #state;
  #settle;
  #defaults;
  #watchers = [];
  #timer = null;

  /** `settle` makes a state possible: an address may name what isn't there. */
  constructor(settle, pictures) {
    this.#settle = settle;
    const read = hash => settle({ ...readHash(hash), pictures: this.#state?.pictures ?? pictures });
    this.#defaults = read("");
    this.#state = read(location.hash);
    addEventListener("hashchange", () => {
      if (location.hash !== this.#hash()) this.set(read(location.hash));
    });
    // A page that is closed or reloaded soon after a change keeps it.
    addEventListener("pagehide", () => this.#write());
  }

  get state() {
    return this.#state;
  }

  /** Change some keys, then tell those who watch any of them. */
  set(changes) {
    const before = this.#state, now = this.#settle({ ...before, ...changes });
    const changed = Object.keys(now).filter(key => before[key] !== now[key]);
    if (!changed.length) return;
    this.#state = now;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), DELAY);
    for (const { keys, call } of this.#watchers) {
      if (keys.some(key => changed.includes(key))) call(this.#state, changed);
    }
  }

  /** Call now, and whenever one of some keys changes. */
  watch(keys, call) {
    this.#watchers.push({ keys, call });
    call(this.#state, keys);
  }

  #hash() {
    return writeHash(this.#state, this.#defaults);
  }

  #write() {
    clearTimeout(this.#timer);
    history.replaceState(null, "", this.#hash());
  }
}
