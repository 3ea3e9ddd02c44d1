/** Choosing what A and B show, and the light in which both are seen. */

import { find } from "./dom.js";
import { factsOf, isShown, timeOf } from "./passes.js";

const SIDES = ["A", "B"];

/** The views that a pass has; without one, those of all. */
export function viewsOf(source, pass) {
  const own = source.passes.find(({ id }) => id === pass)?.views;
  return own ? source.views.filter(({ name }) => own.includes(name)) : source.views;
}

/** Fill the choices from what the source has, and connect them with the state. */
export function connectChoices(store, source) {
  for (const side of SIDES) {
    const ids = Object.fromEntries(["pass", "view", "weights"].map(key => [key, `${key}-${side.toLowerCase()}`]));
    store.watch([`pass${side}`], state => {
      const views = viewsOf(source, state[`pass${side}`]);
      find(ids.view).replaceChildren(...views.map(({ name, title }) => new Option(title, name)));
    });
    find(ids.weights).append(...source.weights.map(({ name, title }) => new Option(title, name)));
    for (const [key, id] of Object.entries(ids)) {
      find(id).addEventListener("change", () => store.set({ [key + side]: find(id).value }));
      store.watch([key + side], state => { find(id).value = state[key + side]; });
    }
    store.watch([`pass${side}`], state => {
      find(ids.view).value = state[`view${side}`];
      find(ids.view).disabled = state[`pass${side}`].startsWith("picture:");
    });
  }
  find("look").append(...source.looks.map(({ name, title }) => new Option(title, name)));
  find("look").closest("label").hidden = source.looks.length < 2;
  find("weights").hidden = source.weights.length < 2;
  find("look").addEventListener("change", () => store.set({ look: find("look").value }));
  store.watch(["look"], state => { find("look").value = state.look; });
  store.watch(["pictures"], state => listPasses(state, source));
  store.watch(["passA", "passB", "viewA", "viewB", "pictures"], state => nameSides(state, source));
  connectLight(store);
  find("exchange").addEventListener("click", () => exchange(store));
}

/** List the passes of the source and the pictures that were made, for both sides. */
function listPasses(state, source) {
  const { pictures } = state;
  const one = pass => new Option([timeOf(pass), ...factsOf(pass)].join(" · "), pass.id);
  const passes = source.passes.filter(isShown), events = Map.groupBy(passes, pass => pass.event ?? "");
  for (const side of SIDES) {
    const list = find(`pass-${side.toLowerCase()}`);
    list.replaceChildren();
    if (passes.length !== 1) list.append(new Option("Best of each place", ""));
    for (const [event, each] of events) list.append(...grouped(event, each.map(one)));
    list.append(...(pictures.length
      ? grouped("Pictures made", pictures.map(({ id, title }) => new Option(title, `picture:${id}`))) : []));
    list.value = state[`pass${side}`];
  }
}

function grouped(label, options) {
  if (!label) return options;
  const group = document.createElement("optgroup");
  group.label = label;
  group.append(...options);
  return [group];
}

/** Show on the map which picture is A and which is B. */
function nameSides(state, source) {
  for (const side of SIDES) {
    const pass = find(`pass-${side.toLowerCase()}`).selectedOptions[0]?.textContent.split(" · ")[0] ?? "";
    const view = source.views.find(({ name }) => name === state[`view${side}`])?.title ?? "";
    const words = state[`pass${side}`].startsWith("picture:") ? [side, pass] : [side, pass, view];
    find(`name-${side.toLowerCase()}`).textContent = words.filter(Boolean).join(" · ");
  }
}

/** Let A show what B shows, and B what A shows. */
export function exchange(store) {
  const { state } = store;
  store.set(Object.fromEntries(["pass", "view", "weights"].flatMap(key =>
    [[`${key}A`, state[`${key}B`]], [`${key}B`, state[`${key}A`]]])));
}

const signed = number => `${number > 0 ? "+" : number < 0 ? "−" : ""}${Math.abs(number).toFixed(1)} stops`;

function connectLight(store) {
  const inputs = {
    exposure: { read: Number, write: value => value, say: signed },
    // A slider of octaves: as far to double the contrast as to halve it.
    contrast: { read: value => 2 ** value, write: Math.log2, say: value => `× ${value.toFixed(2)}` },
    opacity: { read: Number, write: value => value, say: value => `${Math.round(100 * value)} %` },
  };
  for (const [key, { read, write, say }] of Object.entries(inputs)) {
    const input = find(key);
    input.addEventListener("input", () => store.set({ [key]: Number(read(input.value).toFixed(3)) }));
    store.watch([key], state => {
      input.value = write(state[key]);
      find(`${key}-said`).textContent = say(state[key]);
      input.setAttribute("aria-valuetext", say(state[key]));
    });
  }
  find("reset").addEventListener("click", () => store.set({ exposure: 0, contrast: 1, opacity: 1 }));
}
