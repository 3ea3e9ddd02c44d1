/** Making and finding elements. What comes from files is always text, never markup. */

/** The element with an ID. */
export const find = id => document.getElementById(id);

/**
 * Make an element: `make("button", { type: "button", "aria-pressed": true, onclick: go }, "Go")`.
 *
 * Functions become listeners, everything else attributes; `null` and `false` are left out, and so
 * are children that are `null`. Children are elements or text.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(child => child !== null));
  return element;
}

/** A text for screen readers and, for a while, on the screen; `alert` for what went wrong. */
export function tell(text, alert = false) {
  const box = find(alert ? "alert" : "status");
  box.textContent = text;
  clearTimeout(box.timer);
  box.timer = setTimeout(() => { box.textContent = ""; }, alert ? 12000 : 5000);
}
