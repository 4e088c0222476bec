// What a person can name on a page. A test runs this in the page with the name of a function and what it takes.
const plain = (text) => text.replace(/[\s\u00a0\u202f]+/g, " ").replace(/’/g, "'").trim();
const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
// The name of a control: what its label says, without hints, counts and keys.
const named = (element) => {
  const label = element.getAttribute("aria-label");
  if (label) return plain(label);
  const copy = element.cloneNode(true);
  copy.querySelectorAll("[aria-hidden=true], .hint, .n, kbd, input, select, textarea").forEach((part) => part.remove());
  return plain(copy.textContent);
};
const all = (selector) => [...document.querySelectorAll(selector)];
const FIELDS = "input:not([type=hidden]), select, textarea";
const candidates = {
  field: (name) => [
    ...all("label").filter((label) => named(label) === name).map((label) => label.control).filter(Boolean),
    ...all(FIELDS).filter((field) => plain(field.getAttribute("aria-label") || "") === name),
  ],
  button: (name) => all("button").filter((button) => named(button) === name),
  link: (name) => all("a[href]").filter((link) => named(link) === name),
  control: (name) => all("button, a[href]").filter((control) => named(control) === name),
  option: (name) => all("[role=option]").filter((option) => plain(option.textContent).includes(name)),
};

const functions = {
  // What is in the content comes before what is in the menu.
  find(kind, name) {
    const found = candidates[kind](plain(name)).filter(shown);
    return found.find((element) => element.closest("main, dialog")) || found[0] || null;
  },
  rows: () => plain((document.getElementById("rows") || document.createElement("p")).innerText),
  text: () => plain(document.body.innerText),
  // A new page has another time of birth.
  born: () => (document.readyState === "complete" ? performance.timeOrigin : null),
  status: () => performance.getEntriesByType("navigation")[0].responseStatus,
  // What a screen reader is told without being asked.
  told: () => all("[role=status], [role=alert], [aria-live]").filter(shown).map((region) => plain(region.innerText)),
  value(name) {
    const field = functions.find("field", name);
    return field && (field.type === "checkbox" || field.type === "radio" ? String(field.checked) : field.value);
  },
  hidden: (name) => document.querySelector('input[type=hidden][name="' + name + '"]').value,
  pick(select, label) {
    const option = [...select.options].find((one) => plain(one.textContent) === plain(label));
    return option ? option.index : -1;
  },
  isFocused: (kind, name) => document.activeElement !== document.body && functions.find(kind, name) === document.activeElement,
  focused() {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const at = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 8));
    return {
      name: element.id || named(element) || element.localName,
      isVisible: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none",
      // A bar that lies over it hides it. A field may lie inside its label, which is what is hit.
      isFree: at !== null && (element.contains(at) || at.contains(element)),
    };
  },
  // What is wider than the screen and cannot be scrolled by itself.
  sideways() {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const inside = (element) => {
      for (let one = element.parentElement; one; one = one.parentElement) if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(one).overflowX)) return true;
      return false;
    };
    const wide = all("body *").filter((element) => shown(element) && element.getBoundingClientRect().right > width + 0.5 && !inside(element));
    return wide.slice(0, 5).map((element) => element.localName + "." + element.className + " " + Math.round(element.getBoundingClientRect().right)).concat("of " + width);
  },
  // The choice that the arrows have come to, and whether a list is open.
  pointed: () => all("[role=option][aria-selected=true]").filter(shown).map((option) => plain(option.textContent))[0] || "",
  open: () => all("[role=listbox]").some(shown),
  // Whether the focus was here before; says so from now on.
  isMarked() {
    const element = document.activeElement;
    window.comptoirStops = window.comptoirStops || new Set();
    const was = window.comptoirStops.has(element);
    window.comptoirStops.add(element);
    return was;
  },
  shifts: () => window.comptoirShifts || [],
};
return functions[arguments[0]](...[...arguments].slice(1));
