// JSON as it is typed: its parts for colours, where it breaks off, and whether it fits a schema.
const PART = /("(?:[^"\\\n]|\\.)*"?)(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;

// Pairs of kind (key, text, number or nothing) and text.
export function tokens(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(PART)) {
    if (match.index > end) found.push(["", text.slice(end, match.index)]);
    if (match[1] !== undefined) {
      found.push([match[2] ? "key" : "text", match[1]]);
      if (match[2]) found.push(["", match[2]]);
    } else found.push(["number", match[0]]);
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push(["", text.slice(end)]);
  return found;
}

// Where a text breaks off from being JSON, and why. Browsers do not agree in telling it.
export function locate(text) {
  const [position, why] = broken(text);
  return `Line ${lineOf(text, position)}: ${why}.`;
}

const TOKEN = /\s*(?:([{}[\]:,])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.]))/y;

function broken(text) {
  const open = [];
  let wanted = "value";
  TOKEN.lastIndex = 0;
  for (;;) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) {
      const at = from + text.slice(from).match(/^\s*/)[0].length;
      if (at < text.length) return [at, strange(text, at)];
      return [text.trimEnd().length, open.length ? `“${open.at(-1) === "{" ? "}" : "]"}” is missing at the end` : "it ends too early"];
    }
    const [whole, mark, string] = match;
    const at = from + whole.length - whole.trimStart().length;
    const isValue = !mark || mark === "{" || mark === "[";
    if (wanted === "value" || wanted === "value or end") {
      if (mark === "]" && wanted === "value or end") open.pop();
      else if (!isValue) return [at, `a value is missing before “${mark}”`];
      else if (mark) {
        open.push(mark);
        wanted = mark === "{" ? "name or end" : "value or end";
        continue;
      }
    } else if (wanted === "name" || wanted === "name or end") {
      if (mark === "}" && wanted === "name or end") open.pop();
      else if (!string) return [at, "a name in double quotes is missing"];
      else {
        wanted = ":";
        continue;
      }
    } else if (wanted === ":") {
      if (mark !== ":") return [at, "“:” is missing after the name"];
      wanted = "value";
      continue;
    } else if (mark === ",") {
      wanted = open.at(-1) === "{" ? "name" : "value";
      continue;
    } else if (mark === (open.at(-1) === "{" ? "}" : "]")) open.pop();
    else return [at, "“,” is missing before this"];
    if (!open.length) {
      const rest = text.slice(TOKEN.lastIndex).match(/^\s*/)[0].length;
      return [TOKEN.lastIndex + rest, "there is something after the end"];
    }
    wanted = "more";
  }
}

function strange(text, at) {
  if (text[at] === '"') return "the text has no end, or holds what it may not";
  if (text[at] === "'") return "texts stand in double quotes";
  return `“${text.slice(at).match(/^[\w.+-]+|^./u)[0].slice(0, 20)}” is no JSON`;
}

const lineOf = (text, position) => text.slice(0, position).split("\n").length;

const NAMES = { object: "an object", array: "a list", string: "text", number: "a number", integer: "a whole number", boolean: "true or false", null: "null" };

// The first thing that does not fit ({error}), or that is unusual ({warning}), with its line.
export function check(value, schema, text, name = "the query") {
  const types = [schema.type ?? []].flat();
  if (types.length && !types.some((type) => isOf(value, type))) {
    return { error: `${place(text, name)}${name} is to be ${types.map((type) => NAMES[type]).join(" or ")}.` };
  }
  if (schema.enum && !schema.enum.includes(value)) return { error: `${place(text, name)}${name} is to be one of ${schema.enum.join(", ")}.` };
  if (Array.isArray(value) && schema.items) {
    for (const one of value) {
      const found = check(one, schema.items, text, name);
      if (found.error) return found;
    }
  }
  if (!isOf(value, "object") || !schema.properties) return {};
  const missing = (schema.required ?? []).find((one) => value[one] === undefined || value[one] === null);
  if (missing) return { error: `“${missing}” is needed.` };
  let warning;
  for (const [key, part] of Object.entries(value)) {
    const inner = schema.properties[key];
    if (!inner) {
      warning ??= `${place(text, key)}“${key}” is not asked for; it is ignored.`;
      continue;
    }
    const found = check(part, inner, text, key);
    if (found.error) return found;
    warning ??= found.warning;
  }
  return { warning };
}

function isOf(value, type) {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type;
}

function place(text, name) {
  const at = text.indexOf(`"${name}"`);
  return at < 0 ? "" : `Line ${lineOf(text, at)}: `;
}
