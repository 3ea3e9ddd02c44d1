/** The panel: its tabs, and the sheet that it is on narrow screens. */

import { find } from "./dom.js";

const SIZES = ["low", "half", "tall"];

/** Connect the tabs with the state. */
export function connectPanel(store) {
  const tabs = [...find("tabs").children], panel = find("panel");
  const names = tabs.map(tab => tab.getAttribute("aria-controls"));
  // What was asked for shows itself on a narrow screen, too.
  store.watch(["tab", "at", "area"], () => {
    if (panel.dataset.sheet === "low") panel.dataset.sheet = "half";
  });
  store.watch(["tab"], state => tabs.forEach((tab, at) => {
    const chosen = names[at] === state.tab;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    find(names[at]).hidden = !chosen;
  }));
  tabs.forEach((tab, at) => tab.addEventListener("click", () => {
    if (panel.dataset.sheet === "low") panel.dataset.sheet = "half";
    store.set({ tab: names[at] });
  }));
  find("tabs").addEventListener("keydown", event => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const next = (names.indexOf(store.state.tab) + step + names.length) % names.length;
    store.set({ tab: names[next] });
    tabs[next].focus();
    event.preventDefault();
    event.stopPropagation();
  });
  find("handle").addEventListener("click", () => {
    panel.dataset.sheet = SIZES[(SIZES.indexOf(panel.dataset.sheet) + 1) % SIZES.length];
  });
}
