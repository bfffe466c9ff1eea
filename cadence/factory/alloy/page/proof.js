// Hashes, signatures and the chain of an alloy, with WebCrypto. The rules are those of docs/alloys.md; the Python side
// (hashes.py, signatures.py, custody.py) is the reference, and a test compares the two.

import { canonical } from "./json.js";

const HASH = /^(?:sha256:)?([0-9a-f]{64})$/;
const RECIPE = "chainId name typeByte domains source target cycles acceptanceCriteria calibrationCorpora".split(" ");
const LINK = "chain,completedAt,index,previousHash";
const SIGNED = ["algorithm", "keyId", "publicKey", "value"];
const OPTIONAL = ["role", "credentialId", "certificateChain", "keyRegistry"];
const KEY_LIFE_MS = 90 * 86_400_000;
const CLOCK_SKEW_MS = 300_000;

export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
export const objects = (listed) => (Array.isArray(listed) ? listed.filter(isObject) : []);
const omit = (object, ...keys) => {
  const kept = Object.create(null);
  for (const key of Object.keys(object)) if (!keys.includes(key)) kept[key] = object[key];
  return kept;
};
const extended = (object, more) => Object.assign(omit(object), more);

export const digits = (text) => (typeof text === "string" && HASH.exec(text)?.[1]) || null;
export const same = (one, other) => digits(one) !== null && digits(one) === digits(other);
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
export const fileHash = async (bytes) => hex(await crypto.subtle.digest("SHA-256", bytes));
const hash = async (text) => `sha256:${await fileHash(new TextEncoder().encode(text))}`;

// A check that this browser has no means for. It is no fault of the alloy, and no pass.
export class Unsupported extends Error {}

// What was typed or scanned: an address with a hash behind # or @, or the hash alone. Fewer than 16 digits can be forged.
export function parseAddress(text) {
  const trimmed = text.trim();
  if (!trimmed) return { source: "", expected: "" };
  const found = /^(?:(.*)[#@])?(?:sha256:)?([0-9a-fA-F]*)$/s.exec(trimmed);
  if (!found) return { source: trimmed, expected: "" };
  const [, source = "", prefix] = found;
  if (source && !prefix) return { source, expected: "" };
  if (prefix.length < 16) return { error: `A hash needs 16 to 64 digits; these are ${prefix.length}. Fewer can be forged.` };
  if (prefix.length > 64) return { error: "A hash has at most 64 digits; these are more." };
  return { source, expected: prefix.toLowerCase() };
}

export function integrityOf(alloy) {
  const below = isObject(alloy.results) ? alloy.results.integrity : null;
  if (isObject(below) && Object.keys(below).length) return below;
  return isObject(alloy.integrity) ? alloy.integrity : {};
}

function covered(alloy) {
  const kept = omit(alloy, "receipt");
  if (isObject(kept.integrity)) kept.integrity = omit(kept.integrity, "signature", "alloyHash");
  if (isObject(kept.results) && isObject(kept.results.integrity))
    kept.results = extended(kept.results, { integrity: omit(kept.results.integrity, "signature", "alloyHash") });
  return kept;
}

export const alloyHash = (alloy) => hash(canonical(covered(alloy)));

export async function modelHash(files) {
  const listed = files.map((one) => ({ filename: one.filename, sha256: digits(one.sha256) }));
  if (!listed.length || listed.some((one) => typeof one.filename !== "string" || one.sha256 === null)) return null;
  // By code points, as the Python side sorts; JavaScript alone would sort by UTF-16 code units.
  const points = (text) => Array.from(text, (letter) => letter.codePointAt(0).toString(16).padStart(6, "0")).join("");
  listed.sort((a, b) => (points(a.filename) < points(b.filename) ? -1 : 1));
  return hash(ascii(JSON.stringify(listed)));
}

const ascii = (text) => text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

// The files an alloy vouches for, as [name, hash].
export function claims(alloy) {
  const found = objects(integrityOf(alloy).fileHashes).map((one) => [one.filename, one.sha256]);
  const results = isObject(alloy.results) ? alloy.results : {};
  for (const one of objects(results.benchmarks))
    found.push([one.samplesPath, one.resultHash], [one.baseSamplesPath, one.baseResultHash]);
  for (const one of [...objects(alloy.priorMetricBaselines), ...objects(results.priorMetricBaselines)]) {
    found.push([one.samplesPath, one.samplesHash]);
    if (isObject(one.evaluation)) found.push([one.evaluation.samplesPath, one.evaluation.samplesHash]);
  }
  for (const one of objects(alloy.calibrationCorpora)) found.push([one.path, one.sha256]);
  return found.filter(([name, stated]) => typeof name === "string" && digits(stated) !== null);
}

// Text made of a value that should be a count; hostile files put anything there.
export const count = (value) => (typeof value === "number" ? String(value) : "?");

export function instant(text) {
  const form = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
  const found = typeof text === "string" ? form.exec(text) : null;
  const [year, month, day] = found ? found.slice(1, 4).map(Number) : [];
  const exists = found && new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day; // or JavaScript makes 2 March of 30 February
  const at = exists ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) throw new Error("expected a time with its zone");
  return at;
}

function unbase64(text) {
  const data = Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const again = btoa(String.fromCharCode(...data)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  if (again !== text) throw new Error("expected base64url without padding");
  return data;
}

// Why this key may not speak at that time; the registered entry if it may. A key in the document is never trusted.
function judge(signature, registry, at, now) {
  const keys = objects(registry.keys).filter((key) => key.keyId === signature.keyId);
  if (keys.length !== 1) throw new Error("the key is not registered");
  const [key] = keys;
  if (typeof key.owner !== "string") throw new Error("the registry names no owner of the key");
  if (key.revokedAt !== undefined && key.revokedAt !== null) throw new Error("the key is revoked, and with it all that it signed");
  if (key.publicKey !== signature.publicKey || key.algorithm !== signature.algorithm)
    throw new Error("the document brings another key than the registered one");
  const since = instant(key.registeredAt);
  const until = key.expiresAt ? instant(key.expiresAt) : since + KEY_LIFE_MS;
  if (at > now + CLOCK_SKEW_MS) throw new Error("the signature is dated in the future");
  if (until > since + KEY_LIFE_MS || at < since || at > until) throw new Error("the key was not good at that time");
  if (key.supersededBy) {
    const successor = objects(registry.keys).find((one) => one.keyId === key.supersededBy);
    if (!successor || at >= instant(successor.registeredAt)) throw new Error("the key was superseded before");
  }
  return key;
}

export async function verifySignature(signature, purpose, what, payload, registry, dated, now) {
  const keys = isObject(signature) ? Object.keys(signature) : [];
  if (!SIGNED.every((key) => typeof signature?.[key] === "string") || keys.some((key) => ![...SIGNED, ...OPTIONAL].includes(key)))
    throw new Error("this is not a signature");
  const key = judge(signature, registry, instant(dated), now);
  const [form, how] =
    key.algorithm === "EdDSA"
      ? [{ name: "Ed25519" }, { name: "Ed25519" }]
      : key.algorithm === "ES256"
        ? [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }]
        : [];
  if (!form) throw new Error("this algorithm cannot be checked here");
  const text = canonical(extended(payload, { purpose, signer: omit(signature, "value") }));
  const message = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  let fits = false;
  try {
    const imported = await crypto.subtle.importKey("raw", unbase64(key.publicKey), form, false, ["verify"]);
    fits = await crypto.subtle.verify(how, imported, unbase64(signature.value), message);
  } catch (error) {
    if (error.name === "NotSupportedError") throw new Unsupported(`this browser cannot check ${key.algorithm}`);
  }
  if (!fits) throw new Error("the signature does not fit what it stands under");
  const allowed = isObject(registry.authority) ? registry.authority[what] : undefined;
  if (allowed !== undefined && !(Array.isArray(allowed) && allowed.includes(key.owner)))
    throw new Error(`${key.owner.slice(0, 40)} is not among those who may sign this`);
  return key.owner;
}

// One row per stage: whether it is tied to the one before, and with a registry whether its signatures hold.
export async function checkStages(alloy, registry, now) {
  const found = [];
  let previous = await hash(canonical(pick(alloy, RECIPE)));
  let output = null;
  for (const [i, stage] of (Array.isArray(alloy.stages) ? alloy.stages : []).entries()) {
    const type = isObject(stage) && typeof stage.type === "string" ? stage.type : "";
    const link = isObject(stage) ? stage.link : undefined;
    const row = { type, state: "unsigned", what: "" };
    const doubted = found.at(-1)?.state === "broken"; // then what follows from it is no break of its own
    found.push(row);
    if (link === undefined) continue;
    row.state = "broken";
    if (!isObject(link) || Object.keys(link).sort().join() !== LINK) row.what = "its link has no form of one";
    else if (link.chain !== alloy.chainId) row.what = "it was signed for another chain, or the chain's id was changed";
    else if (link.index !== i) row.what = `it was signed as stage ${count(link.index)}: one was dropped, moved or copied`;
    else if (!doubted && !same(link.previousHash, previous)) row.what = "what stands before it is not what it was built on";
    else if (!doubted && i && digits(output) && !Object.values(isObject(stage.inputHashes) ? stage.inputHashes : {}).some((one) => same(one, output)))
      row.what = "it does not take in what the one before put out";
    else if (!registry) [row.state, row.what] = ["linked", "its signatures were not checked"];
    else {
      try {
        const signatures = Array.isArray(stage.signatures) ? stage.signatures : [];
        if (!signatures.length || signatures.length > 16) throw new Error("it has no signatures");
        const owners = [];
        for (const one of signatures)
          owners.push(await verifySignature(one, "cadence.alloy.stage.v1", type, omit(stage, "signatures"), registry, link.completedAt, now));
        if (new Set(signatures.map((one) => one.role ?? "")).size < signatures.length) throw new Error("two signatures in one role");
        [row.state, row.what] = ["signed", `by ${owners.join(" and ")}${doubted ? ", upon another stage than the one before it" : ""}`];
      } catch (error) {
        row.what = error.message;
        if (error instanceof Unsupported) row.state = "linked";
      }
    }
    previous = await hash(canonical(stage));
    output = stage.outputHash;
  }
  return { rows: found, length: found.filter((row) => row.state !== "unsigned").length, last: previous };
}

const pick = (object, keys) => {
  const kept = Object.create(null);
  for (const key of keys) if (key in object) kept[key] = object[key];
  if (!("chainId" in kept)) kept.chainId = null;
  return kept;
};

// Who sealed the alloy as it stands; throws with the reason if it is not so.
export async function checkSeal(alloy, of, registry, now) {
  const integrity = integrityOf(alloy);
  if (isObject(alloy.integrity) && Object.keys(alloy.integrity).length && integrity !== alloy.integrity)
    throw new Error("there are two integrity blocks");
  if (!same(integrity.alloyHash, of)) throw new Error("the document was changed after sealing");
  const results = isObject(alloy.results) ? alloy.results : {};
  const said = {
    alloyHash: integrity.alloyHash,
    attestedAt: integrity.attestedAt ?? null,
    audience: integrity.audience ?? null,
    benchmarkResults: results.benchmarks ?? null,
    chain: integrity.chain ?? null,
    codeHash: isObject(integrity.code) ? (integrity.code.binaryHash ?? null) : null,
    datasetHashes: objects(integrity.datasets).map((one) => one.hash ?? null),
    hardwareResults: results.hardwareVerified ?? null,
    modelHash: integrity.modelHash ?? null,
    nonce: integrity.nonce ?? null,
  };
  return verifySignature(integrity.signature, "cadence.alloy.seal.v1", "seal", said, registry, integrity.attestedAt, now);
}

export async function checkReceipt(alloy, of, registry, now) {
  if (!same(alloy.receipt.alloyHash, of)) throw new Error("it was issued for another alloy");
  const signed = omit(alloy.receipt, "signature");
  return verifySignature(alloy.receipt.signature, "cadence.alloy.receipt.v1", "receipt", signed, registry, alloy.receipt.issuedAt, now);
}
