// What is shown. All text of an alloy goes through `textContent`; nothing of it becomes an element, a link or a style.

import { BYTES_MAX, read } from "./json.js";
import { fileHash, integrityOf, isObject, parseAddress } from "./proof.js";
import { qr } from "./qr.js";
import { examine } from "./report.js";

const TEXT_MAX_CHARS = 300;
const LIST_MAX = 200;
const FILE_MAX_BYTES = 512 * 2 ** 20;
// Control characters, and those that turn the direction of text around, so that it reads as what it is not.
const DECEIVING = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const VERDICTS = {
  fails: ["It does not hold", "Something that is claimed here is not so."],
  holds: ["It holds", "Sealed by a key of your registry, and unchanged since."],
  matches: ["The file you expected", "Its bytes or its content have the given hash. What it says is self-reported."],
  read: ["Read, not verified", "Nothing was found wrong, and nothing here proves that it is right."],
};
const STATES = { signed: "signed", linked: "linked", unsigned: "not signed", broken: "broken" };
const FILES = { agrees: "agrees", differs: "differs", absent: "not dropped here" };

const state = { alloy: null, registry: null, files: new Map(), turn: 0 };
const $ = (id) => document.getElementById(id);

const clean = (text) => {
  const shown = text.replace(DECEIVING, "\ufffd");
  return shown.length > TEXT_MAX_CHARS ? `${shown.slice(0, TEXT_MAX_CHARS)}…` : shown;
};
const said = (value) => (typeof value === "string" ? clean(value) : typeof value === "number" ? String(value) : "");

function make(kind, className, ...children) {
  const element = document.createElement(kind);
  if (className) element.className = className;
  element.append(...children.map((child) => (typeof child === "string" ? document.createTextNode(child) : child)));
  return element;
}
const quoted = (text) => make("bdi", "", clean(text));
const replace = (id, ...children) => $(id).replaceChildren(...children);

async function take(files) {
  for (const file of files) {
    if (file.size > FILE_MAX_BYTES) {
      tell(`${clean(file.name)} is too large to hash in a page. Use cadence alloy verify --model-dir.`);
      continue;
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    const value = file.size <= BYTES_MAX && /\.json$/i.test(file.name) ? attempt(bytes) : undefined;
    if (isObject(value) && Array.isArray(value.keys) && !("stages" in value)) {
      state.registry = value;
      tell(`Registry ${clean(file.name)}: ${value.keys.length} keys.`);
    } else if (/\.json$/i.test(file.name) && (!isObject(value) || "stages" in value || "name" in value)) {
      state.alloy = { name: file.name, bytes };
    } else state.files.set(file.name, await fileHash(bytes));
  }
  await show();
}

function attempt(bytes) {
  try {
    return read(bytes);
  } catch {
    return undefined; // the report says what is wrong with it
  }
}

const tell = (text) => replace("told", text);

async function show() {
  const turn = ++state.turn;
  const address = parseAddress($("address").value);
  $("address").setAttribute("aria-invalid", String(Boolean(address.error)));
  replace("hint", address.error ?? (address.expected ? "Now drop the file that should have this hash." : ""));
  if (address.error) {
    $("result").hidden = true;
    return;
  }
  if (!state.alloy) return;
  const found = await examine({ ...state.alloy, expected: address.expected, registry: state.registry, files: state.files, now: Date.now() });
  if (turn !== state.turn) return;
  replace("hint");
  $("result").hidden = false;
  $("result").dataset.outcome = found.outcome;
  const [title, what] = VERDICTS[found.outcome];
  replace("verdict", title);
  replace("meaning", found.sealedBy && found.outcome === "holds" ? `Sealed by ${clean(found.sealedBy)}, and unchanged since. What it says is still their word.` : what);
  replace("failures", ...found.failures.slice(0, LIST_MAX).map((one) => make("li", "", quoted(one))));
  replace("notes", ...found.notes.map((one) => make("li", "", clean(one))));
  showFacts(found);
  showStages(found);
  showFiles(found);
  showCode(found.outcome === "fails" ? "" : address.source, found.fileHash);
}

function showFacts({ alloy, fileHash: of, alloyHash }) {
  const rows = [];
  const row = (name, value, className = "") => {
    if (value) rows.push(make("dt", "", name), make("dd", className, quoted(value)));
  };
  row("file", state.alloy.name);
  if (alloy) {
    row("name", said(alloy.name));
    row("version", said(alloy.version));
    row("author", said(alloy.author));
    row("calls itself", said(integrityOf(alloy).trustLevel));
  }
  row("file hash", of, "hash");
  row("alloy hash", alloyHash.replace("sha256:", ""), "hash");
  replace("facts", ...rows);
}

function showStages({ stages }) {
  $("stages-part").hidden = !stages.length;
  const signed = stages.filter((one) => one.state === "signed").length;
  replace("coverage", `${signed} of ${stages.length} stages attested (${stages.length ? Math.floor((100 * signed) / stages.length) : 0} %)`);
  const rows = stages.slice(0, LIST_MAX).map((one, i) => {
    const item = make("li", "", make("span", "number", String(i)), make("span", "name", quoted(one.type || "no type")));
    item.append(make("span", `state ${one.state}`, STATES[one.state]), make("span", "what", quoted(one.what)));
    return item;
  });
  replace("stages", ...rows);
}

function showFiles({ files }) {
  $("files-part").hidden = !files.length;
  const rows = files.slice(0, LIST_MAX).map((one) =>
    make("li", "", make("span", "name", quoted(one.name)), make("span", `state ${one.state}`, FILES[one.state])),
  );
  replace("files", ...rows);
}

// The address with 32 digits of the hash behind it: what this page reads again when it is scanned or pasted.
function showCode(source, of) {
  $("code-part").hidden = !source;
  if (!source) return;
  const text = `${source}#${of.slice(0, 32)}`;
  const rows = qr(text);
  $("code").replaceChildren(rows ? picture(rows) : "This address is too long for a QR code.");
  replace("code-text", quoted(text));
}

function picture(rows) {
  const space = "http://www.w3.org/2000/svg";
  const size = rows.length + 8; // four light modules on each side
  const image = document.createElementNS(space, "svg");
  image.setAttribute("viewBox", `0 0 ${size} ${size}`);
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", "QR code with the address and the hash");
  const ground = document.createElementNS(space, "rect");
  ground.setAttribute("width", String(size));
  ground.setAttribute("height", String(size));
  ground.setAttribute("fill", "#fff");
  const dark = document.createElementNS(space, "path");
  dark.setAttribute("d", rows.flatMap((row, y) => row.map((on, x) => (on ? `M${x + 4} ${y + 4}h1v1h-1z` : ""))).join(""));
  dark.setAttribute("fill", "#000");
  image.append(ground, dark);
  return image;
}

function begin() {
  if (!globalThis.crypto?.subtle) {
    tell("This browser computes hashes only for pages from https or from a file. Save this page and open the file.");
    return;
  }
  const fromAddress = () => {
    const given = location.hash.slice(1);
    if (given) $("address").value = attemptDecode(given);
    void show();
  };
  $("address").addEventListener("input", () => void show());
  $("form").addEventListener("submit", (event) => event.preventDefault());
  $("picker").addEventListener("change", () => void take($("picker").files));
  const drop = $("drop");
  for (const name of ["dragenter", "dragover"])
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  for (const name of ["dragleave", "drop"]) document.addEventListener(name, () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    void take(event.dataTransfer.files);
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();
}

function attemptDecode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

begin();
