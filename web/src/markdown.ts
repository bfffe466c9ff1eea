import { parseInline, type Inline } from "./inline";

/**
 * The block half of CommonMark, as plain values. Left out on purpose: HTML blocks, setext headings, link definitions
 * (all stay visible as typed). Pure, bounded: deeper nesting than `NESTING_MAX` is shown as plain paragraphs.
 */
export type Block =
  | { readonly kind: "paragraph"; readonly children: readonly Inline[] }
  | { readonly kind: "heading"; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: "code"; readonly lang: string; readonly body: string }
  | { readonly kind: "quote"; readonly children: readonly Block[] }
  | { readonly kind: "list"; readonly start: number | null; readonly items: readonly (readonly Block[])[] }
  | { readonly kind: "rule" };

export const NESTING_MAX = 6;

const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const MARKER = /^( {0,3})([-*+]|\d{1,9}[.)])(?:([ \t]+)(?=\S)|[ \t]*$)/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]|$)/;
const INDENTED = /^(?: {4}|\t)/;

/** The blocks of one message's text. */
export function parseMarkdown(source: string, depth = 0): Block[] {
  const reader = new Reader(source.replace(/\r\n?/g, "\n").split("\n"), depth);
  return reader.blocks();
}

/** The code blocks of a text, in order: what a folded block unfolds into. */
export function codeBlocks(source: string): { lang: string; body: string }[] {
  const found: { lang: string; body: string }[] = [];
  const walk = (blocks: readonly Block[]) => {
    for (const block of blocks) {
      if (block.kind === "code") found.push({ lang: block.lang, body: block.body });
      else if (block.kind === "quote") walk(block.children);
      else if (block.kind === "list") block.items.forEach(walk);
    }
  };
  walk(parseMarkdown(source));
  return found;
}

class Reader {
  #at = 0;
  readonly #lines: readonly string[];
  readonly #depth: number;

  constructor(lines: readonly string[], depth: number) {
    this.#lines = lines;
    this.#depth = depth;
  }

  blocks(): Block[] {
    const blocks: Block[] = [];
    while (this.#at < this.#lines.length) {
      const line = this.#line();
      if (line.trim() === "") this.#at += 1;
      else blocks.push(this.#block(line));
    }
    return blocks;
  }

  #line(): string {
    return this.#lines[this.#at] ?? "";
  }

  #block(line: string): Block {
    const fence = FENCE.exec(line);
    if (fence) return this.#fenced(fence[1] as string, (fence[2] as string).trim(), line.search(/\S/));
    if (INDENTED.test(line)) return this.#indented();
    if (RULE.test(line)) return this.#rule();
    if (HEADING.test(line)) return this.#heading(line.trim());
    if (this.#depth < NESTING_MAX && /^ {0,3}>/.test(line)) return this.#quote();
    if (this.#depth < NESTING_MAX && MARKER.test(line)) return this.#list();
    return this.#paragraph();
  }

  #fenced(marks: string, info: string, indent: number): Block {
    const body: string[] = [];
    for (this.#at += 1; this.#at < this.#lines.length; this.#at += 1) {
      const line = this.#line();
      const bare = line.trim();
      const closes = bare.length >= marks.length && bare === (marks[0] as string).repeat(bare.length);
      if (closes && !INDENTED.test(line)) {
        this.#at += 1;
        break;
      }
      body.push(line.slice(Math.min(indent, Math.max(0, line.search(/\S|$/)))));
    }
    return { kind: "code", lang: info.split(/\s/)[0] ?? "", body: body.join("\n") };
  }

  #indented(): Block {
    const body: string[] = [];
    while (this.#at < this.#lines.length && (INDENTED.test(this.#line()) || this.#line().trim() === "")) {
      body.push(this.#line().replace(INDENTED, ""));
      this.#at += 1;
    }
    while (body.at(-1)?.trim() === "") body.pop();
    return { kind: "code", lang: "", body: body.join("\n") };
  }

  #rule(): Block {
    this.#at += 1;
    return { kind: "rule" };
  }

  #heading(line: string): Block {
    this.#at += 1;
    const level = /^#+/.exec(line)?.[0].length ?? 1;
    const words = line
      .slice(level)
      .trim()
      .split(/[ \t]+/);
    if (/^#+$/.test(words.at(-1) ?? "")) words.pop();
    return { kind: "heading", level, children: parseInline(words.join(" ")) };
  }

  #quote(): Block {
    const inner: string[] = [];
    while (this.#at < this.#lines.length && /^ {0,3}>/.test(this.#line())) {
      inner.push(this.#line().replace(/^ {0,3}> ?/, ""));
      this.#at += 1;
    }
    return { kind: "quote", children: parseMarkdown(inner.join("\n"), this.#depth + 1) };
  }

  #list(): Block {
    const first = (MARKER.exec(this.#line())?.[2] as string) ?? "-";
    const ordered = /\d/.test(first);
    const items: Block[][] = [];
    while (this.#at < this.#lines.length) {
      const marker = MARKER.exec(this.#line());
      const mark = marker?.[2];
      const same = mark !== undefined && mark.at(-1) === first.at(-1) && /\d/.test(mark) === ordered;
      if (!marker || !same || RULE.test(this.#line())) break;
      items.push(this.#item(marker));
    }
    return { kind: "list", start: ordered ? Number.parseInt(first, 10) : null, items };
  }

  /** One item: its first line after the marker, then every line indented as far, blank lines between included. */
  #item(marker: RegExpExecArray): Block[] {
    const gap = marker[3] ?? " ";
    const width = (marker[1] as string).length + (marker[2] as string).length + (gap.length > 4 ? 1 : gap.length);
    const inner = [this.#line().slice(width)];
    let blanks = 0;
    for (this.#at += 1; this.#at < this.#lines.length; this.#at += 1) {
      const line = this.#line();
      const indent = line.search(/\S/);
      if (indent < 0) {
        blanks += 1;
        continue;
      }
      const continues = blanks === 0 && indent < width && !this.#starts(line) && !MARKER.test(line);
      if (indent < width && !continues) break;
      inner.push(...Array<string>(blanks).fill(""), continues ? line.trimStart() : line.slice(width));
      blanks = 0;
    }
    return parseMarkdown(inner.join("\n"), this.#depth + 1);
  }

  #paragraph(): Block {
    const text = [this.#line().trimStart()];
    for (this.#at += 1; this.#at < this.#lines.length; this.#at += 1) {
      const line = this.#line();
      if (line.trim() === "" || this.#starts(line)) break;
      text.push(line.trimStart());
    }
    return { kind: "paragraph", children: parseInline(text.join("\n").trimEnd()) };
  }

  /** Whether a line begins a block of its own, even right under a paragraph. */
  #starts(line: string): boolean {
    if (FENCE.test(line) || RULE.test(line) || HEADING.test(line)) return true;
    if (this.#depth >= NESTING_MAX) return false;
    const mark = MARKER.exec(line)?.[2];
    return /^ {0,3}>/.test(line) || (mark !== undefined && (!/\d/.test(mark) || /^1[.)]$/.test(mark)));
  }
}
