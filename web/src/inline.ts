/**
 * The inline half of CommonMark, as a tree of plain values that components render without ever making HTML from text.
 * HTML stays what it was typed as. Left out on purpose: images (they would call out to strangers), HTML, reference links.
 * Pure, and bounded: hostile text costs at most its length times `DELIMITERS_MAX`.
 */
export type Inline =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "break" }
  | { readonly kind: "em" | "strong" | "del" | "mark"; readonly children: readonly Inline[] }
  | { readonly kind: "link"; readonly href: string; readonly children: readonly Inline[] };

export const DELIMITERS_MAX = 200;
const HREF_LENGTH_MAX = 2_000;

interface Delimiter {
  readonly char: string;
  readonly at: number; // index in the list of nodes
  left: number; // characters not yet used up
  readonly opens: boolean;
  readonly closes: boolean;
}

/** The tree of one paragraph's text. */
export function parseInline(source: string): Inline[] {
  const nodes: Inline[] = [];
  const delimiters: Delimiter[] = [];
  const ticks = backtickRuns(source);
  let text = "";
  let index = 0;
  const flush = () => {
    if (text) nodes.push({ kind: "text", text });
    text = "";
  };
  const put = (node: Inline, length: number) => {
    flush();
    nodes.push(node);
    index += length;
  };
  while (index < source.length) {
    const char = source[index] as string;
    if (char === "\\" && /[!-/:-@[-`{-~]/.test(source[index + 1] ?? "")) {
      text += source[index + 1];
      index += 2;
    } else if (char === "\n") {
      text = text.trimEnd();
      if (text.endsWith("\\")) text = text.slice(0, -1);
      put({ kind: "break" }, 1);
    } else if (char === "`") {
      const span = codeSpan(source, index, ticks);
      if (span.node) put(span.node, span.length);
      else {
        text += source.slice(index, index + span.length);
        index += span.length;
      }
    } else if (char === "[" || char === "<" || char === "h") {
      const link = char === "[" ? bracketLink(source, index) : bareLink(source, index);
      if (link) put(link.node, link.length);
      else {
        text += char;
        index += 1;
      }
    } else if ((char === "*" || char === "_" || char === "~") && delimiters.length < DELIMITERS_MAX) {
      const run = runLength(source, index);
      const { opens, closes } = flanking(source, index, run);
      flush();
      delimiters.push({ char, at: nodes.length, left: run, opens, closes });
      nodes.push({ kind: "text", text: source.slice(index, index + run) });
      index += run;
    } else {
      text += char;
      index += 1;
    }
  }
  flush();
  return emphasise(nodes, delimiters);
}

/** An address a person may be sent to, or null: http, https and mailto only, whatever is hidden in it. */
export function safeHref(href: string): string | null {
  if (href.length > HREF_LENGTH_MAX || !/^(https?:\/\/|mailto:)[^\s\p{Cc}<>"]+$/iu.test(href)) return null;
  try {
    const url = new URL(href);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** Start of each backtick run by its length, so that looking for the closing run never rescans the text. */
function backtickRuns(source: string): Map<number, number[]> {
  const runs = new Map<number, number[]>();
  for (const match of source.matchAll(/`+/g)) {
    const starts = runs.get(match[0].length) ?? [];
    starts.push(match.index);
    runs.set(match[0].length, starts);
  }
  return runs;
}

function codeSpan(source: string, index: number, runs: Map<number, number[]>): { node: Inline | null; length: number } {
  const run = runLength(source, index);
  const starts = runs.get(run) ?? [];
  while (starts.length && (starts[0] as number) <= index) starts.shift();
  const close = starts[0];
  if (close === undefined) return { node: null, length: run };
  const inner = source.slice(index + run, close).replaceAll("\n", " ");
  const padded = inner.startsWith(" ") && inner.endsWith(" ") && inner.trim() !== "";
  return { node: { kind: "code", text: padded ? inner.slice(1, -1) : inner }, length: close + run - index };
}

/** `[text](address "title")`: the text may hold emphasis, never another link. */
function bracketLink(source: string, index: number): { node: Inline; length: number } | null {
  const near = source.slice(index, index + HREF_LENGTH_MAX).indexOf("](");
  const close = index + near;
  if (near < 0 || source.slice(index + 1, close).includes("[")) return null;
  const match = /^\(\s*<?([^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/.exec(
    source.slice(close + 1, close + 1 + HREF_LENGTH_MAX),
  );
  const href = match ? safeHref(match[1] as string) : null;
  if (!match || href === null) return null;
  const children = parseInline(source.slice(index + 1, close)).filter((node) => node.kind !== "link");
  return { node: { kind: "link", href, children }, length: close + 1 - index + match[0].length };
}

/** `<https://…>` and a bare `https://…`, which ends before closing punctuation. */
function bareLink(source: string, index: number): { node: Inline; length: number } | null {
  if (source[index] === "h" && /[\p{L}\p{N}]/u.test(source[index - 1] ?? "")) return null;
  const rest = source.slice(index, index + HREF_LENGTH_MAX);
  const match =
    rest[0] === "<" ? /^<((?:https?:\/\/|mailto:)[^\s<>]+)>/i.exec(rest) : /^(https?:\/\/[^\s<>"`]+)/i.exec(rest);
  if (!match) return null;
  const shown = rest[0] === "<" ? (match[1] as string) : (match[1] as string).replace(/[.,;:!?'")\]*_~]{1,8}$/, "");
  const href = safeHref(shown);
  if (href === null) return null;
  const length = rest[0] === "<" ? match[0].length : shown.length;
  return { node: { kind: "link", href, children: [{ kind: "text", text: shown }] }, length };
}

function runLength(source: string, index: number): number {
  let end = index;
  while (source[end] === source[index]) end += 1;
  return end - index;
}

/** CommonMark's left- and right-flanking rules; an underscore inside a word is a letter. */
function flanking(source: string, index: number, run: number): { opens: boolean; closes: boolean } {
  const before = source[index - 1] ?? " ";
  const after = source[index + run] ?? " ";
  const [spaceBefore, spaceAfter] = [/\s/.test(before), /\s/.test(after)];
  const [markBefore, markAfter] = [/[\p{P}\p{S}]/u.test(before), /[\p{P}\p{S}]/u.test(after)];
  const left = !spaceAfter && (!markAfter || spaceBefore || markBefore);
  const right = !spaceBefore && (!markBefore || spaceAfter || markAfter);
  if (source[index] === "~") return { opens: left && run === 2, closes: right && run === 2 };
  if (source[index] === "*") return { opens: left, closes: right };
  return { opens: left && (!right || markBefore), closes: right && (!left || markAfter) };
}

/** Pair closing delimiters with the nearest opening ones, inside out. */
function emphasise(nodes: Inline[], delimiters: Delimiter[]): Inline[] {
  const slots: (Inline | null)[] = [...nodes];
  for (let close = 1; close < delimiters.length; close += 1) {
    const closer = delimiters[close] as Delimiter;
    for (let open = close - 1; open >= 0 && closer.closes && closer.left > 0; open -= 1) {
      const opener = delimiters[open] as Delimiter;
      if (opener.char !== closer.char || !opener.opens || opener.left === 0) continue;
      const used = opener.left >= 2 && closer.left >= 2 ? 2 : 1;
      if (opener.char === "~" && used === 1) continue;
      wrap(slots, opener, closer, used);
      for (const between of delimiters.slice(open + 1, close)) between.left = 0;
      open += 1; // the same opener may have characters left
    }
  }
  return slots.filter((node): node is Inline => node !== null && !(node.kind === "text" && node.text === ""));
}

function wrap(slots: (Inline | null)[], opener: Delimiter, closer: Delimiter, used: number): void {
  opener.left -= used;
  closer.left -= used;
  const inside = slots
    .slice(opener.at + 1, closer.at)
    .filter((node): node is Inline => node !== null && !(node.kind === "text" && node.text === ""));
  const kind = opener.char === "~" ? "del" : used === 2 ? "strong" : "em";
  for (let at = opener.at + 1; at < closer.at; at += 1) slots[at] = null;
  slots[opener.at + 1] = { kind, children: inside };
  slots[opener.at] = { kind: "text", text: opener.char.repeat(opener.left) };
  slots[closer.at] = { kind: "text", text: closer.char.repeat(closer.left) };
}
