// All checks of one alloy in one report, ready to be shown.

import { read } from "./json.js";
import {
  Unsupported,
  alloyHash,
  checkReceipt,
  checkSeal,
  checkStages,
  claims,
  count,
  digits,
  fileHash,
  integrityOf,
  isObject,
  modelHash,
  objects,
  same,
} from "./proof.js";

// files: Map of name -> SHA-256 of what was dropped beside the alloy. now: milliseconds. registry: a value or null.
export async function examine({ bytes, expected = "", registry = null, files = new Map(), now }) {
  const of = await fileHash(bytes);
  const report = { fileHash: of, alloyHash: "", failures: [], notes: [], stages: [], files: [], sealedBy: "", alloy: null };
  try {
    report.alloy = read(bytes);
  } catch (error) {
    report.failures.push(`This is not an alloy: ${error.message}.`);
  }
  if (report.alloy !== null && !isObject(report.alloy)) {
    report.failures.push("This is not an alloy: an alloy is one JSON object.");
    report.alloy = null;
  }
  if (report.alloy) {
    report.alloyHash = await alloyHash(report.alloy);
    await checkModel(report);
    await checkChain(report, registry, now);
    checkFiles(report, files);
  }
  const either = [of, digits(report.alloyHash) ?? ""];
  report.matches = expected ? either.some((one) => one.startsWith(expected)) : null;
  if (report.matches === false) report.failures.unshift("It is not the file you expected: neither of its hashes begins with the given digits.");
  report.outcome = report.failures.length ? "fails" : report.sealedBy ? "holds" : report.matches ? "matches" : "read";
  return report;
}

async function checkModel(report) {
  const integrity = integrityOf(report.alloy);
  const listed = integrity.fileHashes;
  if (!digits(integrity.modelHash) || !Array.isArray(listed) || !listed.length) return;
  const follows = same(await modelHash(objects(listed)), integrity.modelHash);
  if (follows) report.notes.push("The model hash recomputes from the list of files.");
  else if (integrity.signature !== undefined) report.failures.push("The model hash does not recompute from the list of files.");
  else report.notes.push("The model hash does not recompute from the list of files. An older rule may fit; only the files can tell.");
}

async function checkChain(report, registry, now) {
  const { alloy } = report;
  const integrity = integrityOf(alloy);
  const chain = await checkStages(alloy, registry, now);
  report.stages = chain.rows;
  chain.rows.forEach((row, i) => {
    if (row.state === "broken") report.failures.push(`Stage ${i}: ${row.what}.`);
    if (row.state === "unsigned" && i < chain.length) report.failures.push(`Stage ${i}: it has no link, where the chain has one.`);
  });
  const sealed = isObject(integrity.chain) ? integrity.chain : null;
  if (sealed && !report.failures.length && (sealed.length !== chain.length || !same(sealed.hash, chain.last)))
    report.failures.push(`The seal speaks of another chain: of ${count(sealed.length)} stages, ${chain.length} are here.`);
  if (integrity.signature === undefined) report.notes.push("It is not sealed. What it says is self-reported.");
  else if (!registry) report.notes.push("It has a seal, which was not checked: drop the registry of keys to do that.");
  else
    try {
      report.sealedBy = await checkSeal(alloy, report.alloyHash, registry, now);
    } catch (error) {
      refused(report, "The seal", error);
    }
  if (!registry || !isObject(alloy.receipt) || alloy.receipt.signature === undefined) return;
  try {
    report.notes.push(`The receipt of publication is signed by ${await checkReceipt(alloy, report.alloyHash, registry, now)}.`);
  } catch (error) {
    refused(report, "The receipt", error);
  }
}

function refused(report, what, error) {
  if (error instanceof Unsupported) report.notes.push(`${what} was not checked: ${error.message}.`);
  else report.failures.push(`${what} does not hold: ${error.message}.`);
}

function checkFiles(report, files) {
  const last = (name) => name.split("/").pop();
  const rows = new Map(claims(report.alloy).map(([name, stated]) => [`${name}\n${stated}`, { name, stated: digits(stated) }]));
  const fitting = new Set(Array.from(rows.values(), (row) => `${last(row.name)}\n${row.stated}`));
  for (const row of rows.values()) {
    const here = files.get(last(row.name));
    // Files are dropped without their folders: one that fits a namesake says nothing about this one.
    const namesake = here !== row.stated && fitting.has(`${last(row.name)}\n${here}`);
    row.state = here === undefined || namesake ? "absent" : here === row.stated ? "agrees" : "differs";
    report.files.push(row);
    if (row.state === "differs") report.failures.push(`The file ${row.name.slice(0, 80)} is not the one that was hashed.`);
  }
}
