// Strict JSON and its canonical form, as in cadence/factory/alloy/document.py and canonical.py: what two readers could
// understand differently is refused with its place.

export const BYTES_MAX = 8 * 2 ** 20;
const DEPTH_MAX = 64;
const VALUES_MAX = 100_000;
const KEY_SHOWN_CHARS = 40;
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const LONE_SURROGATE = /\p{Surrogate}/u;

export class Fault extends Error {
  constructor(text, at, path, what) {
    const before = text.slice(0, at);
    const line = before.split("\n").length;
    const column = at - before.lastIndexOf("\n");
    super(`line ${line}, column ${column}: ${showPath(path)}: ${what}`);
  }
}

export function showPath(path) {
  let shown = "";
  for (const step of path) {
    if (typeof step === "number") shown += `[${step}]`;
    else if (/^[A-Za-z_][\w-]{0,39}$/.test(step)) shown += shown ? `.${step}` : step;
    else shown += `[${JSON.stringify(step.length > KEY_SHOWN_CHARS ? `${step.slice(0, KEY_SHOWN_CHARS)}...` : step)}]`;
  }
  return shown || "(root)";
}

// Bytes of a file to a value. Objects have no prototype, so that "__proto__" is a key like any other.
export function read(bytes) {
  if (bytes.length > BYTES_MAX) throw new Error("an alloy has at most 8 MiB; this file is larger");
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) throw new Error("the file begins with a byte order mark");
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("the file is not UTF-8");
  }
  return parse(text);
}

export function parse(text) {
  const path = [];
  let at = 0;
  let values = 0;
  const fail = (what, where = at) => {
    throw new Fault(text, where, path, what);
  };
  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found) return null;
    at = pattern.lastIndex;
    return found[0];
  };
  const string = () => {
    let end = at + 1;
    for (let code = 0; code !== 0x22; end += code === 0x5c ? 2 : 1) {
      code = text.charCodeAt(end);
      if (!(code >= 0x20)) fail("a text does not end, or holds a control character", Math.min(end, text.length));
    }
    let value;
    try {
      value = JSON.parse(text.slice(at, end));
    } catch {
      fail("this is not JSON");
    }
    if (LONE_SURROGATE.test(value)) fail("half a surrogate pair stands alone in a string");
    at = end;
    return value;
  };
  const number = () => {
    const from = at;
    const raw = take(NUMBER);
    if (raw === null) fail("this is not JSON");
    const found = Number(raw);
    const size = Math.abs(found);
    if (!Number.isFinite(found)) fail("the number is too large for a double", from);
    const whole = !/[.eE]/.test(raw);
    if (size > Number.MAX_SAFE_INTEGER && (whole || size < 1e21)) fail("the number is an integer beyond 2^53 - 1", from);
    return found;
  };
  const listed = (close, one) => {
    at += 1;
    take(SPACE);
    if (text[at] === close) {
      at += 1;
      return;
    }
    for (;;) {
      one();
      take(SPACE);
      if (text[at] === close) {
        at += 1;
        return;
      }
      if (text[at] !== ",") fail(`expected "," or "${close}"`);
      at += 1;
      take(SPACE);
    }
  };
  const object = () => {
    const found = Object.create(null);
    listed("}", () => {
      const from = at;
      if (text[at] !== '"') fail("expected a key in double quotes");
      const key = string();
      path.push(key);
      if (key in found) fail("the key occurs twice in one object", from);
      take(SPACE);
      if (text[at] !== ":") fail('expected ":" after the key');
      at += 1;
      take(SPACE);
      found[key] = value();
      path.pop();
    });
    return found;
  };
  const array = () => {
    const found = [];
    listed("]", () => {
      path.push(found.length);
      found.push(value());
      path.pop();
    });
    return found;
  };
  const value = () => {
    values += 1;
    if (values > VALUES_MAX) fail(`more than ${VALUES_MAX} values`);
    const first = text[at];
    if (first === "{" || first === "[") {
      if (path.length >= DEPTH_MAX) fail(`more than ${DEPTH_MAX} levels`);
      return first === "{" ? object() : array();
    }
    if (first === '"') return string();
    const word = take(WORD);
    return word === null ? number() : JSON.parse(word);
  };
  take(SPACE);
  const found = value();
  take(SPACE);
  if (at < text.length) fail("expected the end of the file");
  return found;
}

// RFC 8785: JavaScript's own order of strings and format of numbers are the ones it asks for.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join(",")}}`;
}
