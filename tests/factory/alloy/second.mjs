// A second implementation of the hashes and signatures of alloys: Node's crypto and a JCS package, written from
// docs/alloys.md and sharing nothing with the first. Reads {"name": text of an alloy, ...} and writes what it found.

import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import canonicalize from "../../../web/node_modules/canonicalize/lib/canonicalize.js";

const sha256 = (data) => createHash("sha256").update(data).digest();
const hash = (data) => `sha256:${sha256(data).toString("hex")}`;
const omit = (object, ...keys) => Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function covered(alloy) {
  const kept = omit(alloy, "receipt");
  if (isObject(kept.integrity)) kept.integrity = omit(kept.integrity, "signature", "alloyHash");
  if (isObject(kept.results) && isObject(kept.results.integrity))
    kept.results = { ...kept.results, integrity: omit(kept.results.integrity, "signature", "alloyHash") };
  return kept;
}

function modelHash(files) {
  const sorted = files
    .map(({ filename, sha256 }) => ({ filename, sha256: sha256.replace("sha256:", "") }))
    .sort((a, b) => (a.filename < b.filename ? -1 : 1));
  return hash(JSON.stringify(sorted));
}

function merkleRoot(files) {
  const leaf = ([name, digest]) => {
    const encoded = Buffer.from(name);
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(encoded.length));
    return sha256(Buffer.concat([Buffer.from([0]), length, encoded, Buffer.from(digest, "hex")]));
  };
  const order = ([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  let level = Object.entries(files).sort(order).map(leaf);
  while (level.length > 1) {
    const next = [];
    for (let i = 0; i < level.length; i += 2)
      next.push(i + 1 < level.length ? sha256(Buffer.concat([Buffer.from([1]), level[i], level[i + 1]])) : level[i]);
    level = next;
  }
  return `sha256:${level[0].toString("hex")}`;
}

function holds(signature, purpose, payload) {
  const raw = Buffer.from(signature.publicKey, "base64url");
  const part = (from, to) => raw.subarray(from, to).toString("base64url");
  const jwk =
    signature.algorithm === "EdDSA"
      ? { kty: "OKP", crv: "Ed25519", x: part(0, 32) }
      : { kty: "EC", crv: "P-256", x: part(1, 33), y: part(33, 65) };
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const message = sha256(canonicalize({ ...payload, purpose, signer: omit(signature, "value") }));
  const value = Buffer.from(signature.value, "base64url");
  return signature.algorithm === "EdDSA"
    ? verify(null, message, key, value)
    : verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, value);
}

function chain(alloy) {
  const recipe = ["chainId", "name", "typeByte", "domains", "source", "target", "cycles", "acceptanceCriteria", "calibrationCorpora"];
  const links = [hash(canonicalize(Object.fromEntries(recipe.filter((key) => key in alloy).map((key) => [key, alloy[key]]))))];
  const signed = [];
  for (const stage of alloy.stages) {
    links.push(hash(canonicalize(stage)));
    for (const signature of stage.signatures) signed.push(holds(signature, "cadence.alloy.stage.v1", omit(stage, "signatures")));
  }
  const follows = alloy.stages.every((stage, i) => stage.link.previousHash === links[i]);
  return { links, signed, follows };
}

function sealHolds(alloy) {
  const integrity = alloy.results?.integrity ?? alloy.integrity;
  const payload = {
    alloyHash: hash(canonicalize(covered(alloy))),
    attestedAt: integrity.attestedAt ?? null,
    audience: integrity.audience ?? null,
    benchmarkResults: alloy.results?.benchmarks ?? null,
    chain: integrity.chain ?? null,
    codeHash: integrity.code?.binaryHash ?? null,
    datasetHashes: (integrity.datasets ?? []).map((one) => one.hash),
    hardwareResults: alloy.results?.hardwareVerified ?? null,
    modelHash: integrity.modelHash ?? null,
    nonce: integrity.nonce ?? null,
  };
  return holds(integrity.signature, "cadence.alloy.seal.v1", payload);
}

const asked = JSON.parse(readFileSync(0, "utf8"));
const alloys = Object.fromEntries(
  Object.entries(asked.alloys).map(([name, text]) => {
    const alloy = JSON.parse(text);
    const integrity = alloy.results?.integrity ?? alloy.integrity ?? {};
    const found = { fileHash: sha256(text).toString("hex"), alloyHash: hash(canonicalize(covered(alloy))) };
    if (integrity.fileHashes) found.modelHash = modelHash(integrity.fileHashes);
    if (alloy.chainId) Object.assign(found, chain(alloy), { seal: sealHolds(alloy) });
    return [name, found];
  }),
);
const canonical = asked.values.map((text) => canonicalize(JSON.parse(text)));
process.stdout.write(JSON.stringify({ alloys, canonical, merkle: asked.sets.map(merkleRoot) }));
