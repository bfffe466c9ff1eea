import type { Block } from "./markdown";
import { parseInline, type Inline } from "./inline";
import type { Turn } from "./protocol";
import { atHome, pieces, quoteIn } from "./segments";

/** What a turn carries of one message: all of it, these pieces, or its sense in other words (no pieces). */
export interface Carried {
  readonly whole: boolean;
  readonly pieces: readonly string[];
}

/** By seq, what this turn carries of its sources. Pure. */
export function carriedBy(turn: Turn): Map<number, Carried> {
  const found = new Map<number, Carried>();
  for (const segment of atHome(turn)) {
    const { kind, sources, part, redacted } = segment;
    const quoted = pieces(quoteIn(segment)).filter(Boolean);
    for (const seq of redacted ? [] : sources) {
      const before = found.get(seq) ?? { whole: false, pieces: [] };
      found.set(seq, {
        whole: before.whole || (kind === "verbatim" && !part),
        pieces: [...before.pieces, ...quoted],
      });
    }
  }
  return found;
}

interface Leaf {
  readonly text: string;
  /** [start, end) of what was quoted. */
  readonly ranges: [number, number][];
}

/** The words of a message without marks and punctuation, and for each character where it stands. */
interface Words {
  readonly text: string;
  readonly leaf: readonly number[];
  readonly offset: readonly number[];
}

/**
 * The blocks of a message with the quoted pieces wrapped in `mark`. Compared are words only, so that line breaks, marks of
 * Markdown and a closing full stop make no difference; what is not found is left unmarked. Code blocks stay as they are.
 */
export function markPieces(blocks: readonly Block[], quoted: readonly string[]): readonly Block[] {
  const leaves: Leaf[] = [];
  const gaps = new Set<number>();
  eachParagraph(blocks, (nodes) => {
    gaps.add(leaves.length);
    eachLeaf(nodes, (text) => leaves.push({ text, ranges: [] }));
  });
  const words = wordsOf(leaves, gaps);
  let from = 0;
  for (const piece of quoted) {
    const wanted = plain(piece);
    if (!wanted) continue;
    const found = find(words.text, wanted, from) ?? find(words.text, wanted, 0);
    if (found) from = found[1];
    for (const [start, end] of found ? [found] : scattered(words.text, wanted)) mark(leaves, words, start, end);
  }
  let next = 0;
  return mapParagraphs(blocks, (nodes) => mapLeaves(nodes, (node) => cut(node, leaves[next++]?.ranges ?? [])));
}

/** The words of a quoted piece, single spaces between them. */
function plain(piece: string): string {
  const texts: string[] = [];
  eachLeaf(parseInline(piece.replace(/\s+/g, " ")), (text) => texts.push(text));
  return texts.join("").replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}

function wordsOf(leaves: readonly Leaf[], gaps: ReadonlySet<number>): Words {
  let text = "";
  const leaf: number[] = [];
  const offset: number[] = [];
  const put = (char: string, at: number, index: number) => {
    if (char === " " && text.endsWith(" ")) return;
    text += char;
    leaf.push(at);
    offset.push(index);
  };
  leaves.forEach((each, at) => {
    if (gaps.has(at)) put(" ", at, 0);
    for (const { 0: run, index } of each.text.matchAll(/[\p{L}\p{N}]+|[^\p{L}\p{N}]+/gu)) {
      const word = /^[\p{L}\p{N}]/u.test(run);
      for (let step = 0; step < (word ? run.length : 1); step += 1) put(word ? (run[step] as string) : " ", at, index + step);
    }
  });
  return { text, leaf, offset };
}

/** Whole words first; without them for scripts that write none. */
function find(text: string, wanted: string, from: number): [number, number] | null {
  const padded = `${text} `.indexOf(` ${wanted} `, Math.max(0, from - 1));
  const start = padded >= 0 ? padded + 1 : /[^\u0000-\u024f]/.test(wanted) ? text.indexOf(wanted, from) : -1;
  return start < 0 ? null : [start, start + wanted.length];
}

/** Speech that was cleaned is not one stretch of its source: find its words one after the other, or nothing at all. */
function scattered(text: string, wanted: string): [number, number][] {
  const found: [number, number][] = [];
  let from = 0;
  for (const word of wanted.split(" ")) {
    const range = find(text, word, from);
    if (!range) return [];
    const last = found.at(-1);
    if (last && range[0] <= last[1] + 1) last[1] = range[1];
    else found.push(range);
    from = range[1];
  }
  return found;
}

/** Note [start, end) of the words in the leaves they stand in, closing punctuation included. */
function mark(leaves: readonly Leaf[], words: Words, start: number, end: number): void {
  const first = words.leaf[start] ?? 0;
  const last = words.leaf[end - 1] ?? first;
  for (let at = first; at <= last; at += 1) {
    const { text, ranges } = leaves[at] as Leaf;
    const low = at === first ? (words.offset[start] as number) : 0;
    const stop = at === last ? (words.offset[end - 1] as number) + 1 : text.length;
    const tail = /^[.,;:!?)\]}'"’”%…]+/.exec(text.slice(stop))?.[0].length ?? 0;
    ranges.push([low, stop + tail]);
  }
}

/** A leaf in parts, the quoted ones marked. */
function cut(node: Inline, ranges: readonly [number, number][]): Inline[] {
  if (ranges.length === 0) return [node];
  if (node.kind !== "text") return [{ kind: "mark", children: [node] }];
  const parts: Inline[] = [];
  let at = 0;
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (start > at) parts.push({ kind: "text", text: node.text.slice(at, start) });
    const text = node.text.slice(Math.max(start, at), end);
    if (text) parts.push({ kind: "mark", children: [{ kind: "text", text }] });
    at = Math.max(at, end);
  }
  if (at < node.text.length) parts.push({ kind: "text", text: node.text.slice(at) });
  return parts;
}

function eachParagraph(blocks: readonly Block[], visit: (nodes: readonly Inline[]) => void): void {
  mapParagraphs(blocks, (nodes) => {
    visit(nodes);
    return nodes;
  });
}

function mapParagraphs(blocks: readonly Block[], change: (nodes: readonly Inline[]) => readonly Inline[]): Block[] {
  return blocks.map((block) => {
    if (block.kind === "paragraph" || block.kind === "heading") return { ...block, children: change(block.children) };
    if (block.kind === "quote") return { ...block, children: mapParagraphs(block.children, change) };
    if (block.kind === "list") return { ...block, items: block.items.map((item) => mapParagraphs(item, change)) };
    return block;
  });
}

function eachLeaf(nodes: readonly Inline[], visit: (text: string) => void): void {
  mapLeaves(nodes, (node) => {
    visit(node.kind === "text" || node.kind === "code" ? node.text : " ");
    return [node];
  });
}

function mapLeaves(nodes: readonly Inline[], change: (node: Inline) => readonly Inline[]): Inline[] {
  return nodes.flatMap((node) =>
    "children" in node ? [{ ...node, children: mapLeaves(node.children, change) }] : change(node),
  );
}
