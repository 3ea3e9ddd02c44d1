/** The keys of the page: what they do, and the list of them. */

import { find, make } from "./dom.js";

/**
 * Connect keys.
 *
 * @param {Array} groups of [title, [[names, words, acts]…]]: `names` are those that the list shows,
 *   `acts` what happens, by the key of the event; "Shift 1" is a digit with Shift.
 */
export function connectKeys(groups) {
  const acts = Object.assign({}, ...groups.flatMap(([, keys]) => keys.map(([, , own]) => own)));
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || find("keys").open) return;
    const { target } = event;
    if (target.matches("input:not([type=range], [type=checkbox]), select, textarea")) return;
    if ([" ", "Enter"].includes(event.key) && target.matches("button, summary, a, input")) return;
    const act = acts[nameOf(event)];
    if (!act) return;
    act();
    event.preventDefault();
  });
  list(groups);
  find("help").addEventListener("click", () => find("keys").showModal());
}

/** Letters by what they are without Caps Lock, digits with Shift by where they lie. */
function nameOf({ key, code, shiftKey }) {
  const digit = shiftKey && /^Digit([1-9])$/.exec(code);
  if (digit) return `Shift ${digit[1]}`;
  return /^[a-z]$/i.test(key) ? (shiftKey ? key.toUpperCase() : key.toLowerCase()) : key;
}

function list(groups) {
  const names = all => all.flatMap(name => [make("kbd", {}, String(name)), " "]);
  find("keys-list").append(...groups.map(([title, keys]) => make("section", {}, make("h3", {}, title),
    make("dl", {}, ...keys.flatMap(([shown, words]) =>
      [make("dt", {}, ...names(shown)), make("dd", {}, words)])))));
}
