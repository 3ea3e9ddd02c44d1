/** Ways to compare A and B: swipe, blink, fade. The styles do the drawing. */

import { connectDivider } from "./divider.js";
import { find } from "./dom.js";

const clamp = share => Math.min(1, Math.max(0, share));

/** Connect buttons, divider and fade with the state. */
export function connectComparison(store) {
  const box = find("map"), mix = find("mix");
  for (const button of find("modes").children) {
    button.addEventListener("click", () => setMode(store, button.dataset.mode));
  }
  store.watch(["mode"], ({ mode }) => {
    document.body.dataset.mode = box.dataset.mode = mode;
    box.dataset.shown = "b";
    for (const button of find("modes").children) button.setAttribute("aria-pressed", button.dataset.mode === mode);
  });
  const place = connectDivider(find("divider"), split => store.set({ split }));
  store.watch(["split"], ({ split }) => place(split));
  store.watch(["mix"], state => {
    box.style.setProperty("--mix", state.mix);
    mix.value = state.mix;
  });
  mix.addEventListener("input", () => store.set({ mix: Number(mix.value) }));
}

/** Compare in another way. */
export const setMode = (store, mode) => store.set({ mode });

/** Move the divider or, while fading, the mixture. */
export function slide(store, by) {
  const key = store.state.mode === "fade" ? "mix" : "split";
  store.set({ [key]: clamp(store.state[key] + by) });
}

/** Show the other one of A and B. */
export function blink(store) {
  if (store.state.mode !== "blink") return setMode(store, "blink");
  const box = find("map");
  box.dataset.shown = box.dataset.shown === "b" ? "a" : "b";
  return undefined;
}
