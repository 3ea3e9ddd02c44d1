/** Ways to compare A and B: swipe, blink, fade. The styles do the drawing. */

import { find } from "./dom.js";

const SLIDES = {
  ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1,
};
const clamp = share => Math.min(1, Math.max(0, share));

/** Connect buttons, divider and fade with the state. */
export function connectComparison(store) {
  const box = find("map"), divider = find("divider"), mix = find("mix");
  for (const button of find("modes").children) {
    button.addEventListener("click", () => setMode(store, button.dataset.mode));
  }
  store.watch(["mode"], ({ mode }) => {
    document.body.dataset.mode = box.dataset.mode = mode;
    box.dataset.shown = "b";
    for (const button of find("modes").children) button.setAttribute("aria-pressed", button.dataset.mode === mode);
  });
  store.watch(["split"], ({ split }) => {
    box.style.setProperty("--split", `${100 * split}%`);
    divider.setAttribute("aria-valuenow", Math.round(100 * split));
    divider.setAttribute("aria-valuetext", `${Math.round(100 * split)} percent from the left`);
  });
  store.watch(["mix"], state => {
    box.style.setProperty("--mix", state.mix);
    mix.value = state.mix;
  });
  mix.addEventListener("input", () => store.set({ mix: Number(mix.value) }));
  divider.addEventListener("keydown", event => {
    if (!(event.key in SLIDES) || event.ctrlKey || event.metaKey || event.altKey) return;
    slide(store, SLIDES[event.key]);
    event.preventDefault();
    event.stopPropagation();
  });
  dragDivider(store, box, divider);
}

function dragDivider(store, box, divider) {
  divider.addEventListener("pointerdown", event => {
    divider.setPointerCapture(event.pointerId);
    divider.focus({ preventScroll: true });
    event.preventDefault();
  });
  divider.addEventListener("pointermove", event => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const { left, width } = box.getBoundingClientRect();
    store.set({ split: clamp((event.clientX - left) / width) });
  });
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
