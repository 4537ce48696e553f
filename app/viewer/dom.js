// Small DOM helpers. Data reaches the page as text nodes and attributes only.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children);
  return element;
}

/** An HTML element with attributes, listeners (`on: {click}`) and children (nodes or strings). */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A real table: `columns` are headings, `rows` arrays of strings, numbers or nodes. */
export function table(caption, columns, rows) {
  const align = (k) => (typeof rows[0]?.[k] === "number" ? "dv-number" : null);
  const head = h("tr", {}, ...columns.map((name, k) => h("th", { scope: "col", class: align(k) }, name)));
  const body = rows.map((row) =>
    h("tr", {}, ...row.map((cell) => h("td", { class: typeof cell === "number" ? "dv-number" : null }, show(cell)))),
  );
  return h("table", {}, h("caption", {}, caption), h("thead", {}, head), h("tbody", {}, ...body));
}

function show(cell) {
  if (cell instanceof Node) return cell;
  return typeof cell === "number" ? number(cell) : String(cell ?? "");
}

/** A number as short as it can be read: integers whole, the rest with three significant digits. */
export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return String(value).replace("-", "−");
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

/** "1 token", "2 tokens". */
export function count(amount, noun) {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
