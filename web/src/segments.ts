import { codeBlocks } from "./markdown";
import type { Message, Part, Segment, SegmentPart, Turn } from "./protocol";

const FENCED = /^ {0,3}(?:`{3,}|~{3,})/;

/** Neighbouring segments of the same speakers, shown under one name. */
export interface Group {
  readonly key: string;
  readonly speakers: readonly string[];
  readonly segments: readonly Segment[];
}

export interface CodeText {
  readonly kind: Part["kind"];
  readonly lang: string;
  readonly name: string;
  readonly body: string;
}

export function groupsOf(turn: Turn): Group[] {
  const groups: { key: string; speakers: readonly string[]; segments: Segment[] }[] = [];
  for (const segment of turn.segments) {
    const last = groups.at(-1);
    const before = last?.segments.at(-1);
    const same =
      last?.speakers.join("\n") === segment.speakers.join("\n") &&
      before?.room === segment.room &&
      before?.kind !== "whisper" &&
      segment.kind !== "whisper";
    if (last && same) last.segments.push(segment);
    else groups.push({ key: `${groups.length}`, speakers: segment.speakers, segments: [segment] });
  }
  return groups;
}

/** A quote's pieces: what was left out lies between them. */
export function pieces(text: string): string[] {
  return text.split(" … ");
}

/** What a segment says, without the name that an answer begins with: it stands above it. */
export function ownWords(segment: Segment, name: string): string {
  const named = (segment.kind === "answer" || segment.kind === "catch_up") && segment.speakers.length === 1;
  return named && segment.text.startsWith(`${name}: `) ? segment.text.slice(name.length + 2) : segment.text;
}

/** The quote in a segment that names its one speaker and then quotes; "" where the words may be another's. */
export function quoteIn({ kind, speakers, text }: Segment): string {
  if (kind === "quote" || kind === "ambient") return text;
  const colon = text.indexOf(": ");
  const quotes = (kind === "answer" || kind === "catch_up") && speakers.length === 1 && colon > 0;
  return quotes ? text.slice(colon + 2) : "";
}

export function speakersOf(turn: Turn): string[] {
  return [...new Set(turn.segments.flatMap((segment) => segment.speakers))];
}

/** Whether a segment was said in another room than the turn's: its numbers count there. */
export function isElsewhere(turn: Turn, segment: Segment): boolean {
  return segment.room !== undefined && segment.room !== turn.room;
}

/** The segments of the turn's own room. */
export function atHome(turn: Turn): Segment[] {
  return turn.segments.filter((segment) => !isElsewhere(turn, segment));
}

/** Every message of its own room that the turn cites, each once, ascending. */
export function sourcesOf(turn: Turn): number[] {
  return [...new Set(atHome(turn).flatMap((segment) => segment.sources))].sort((a, b) => a - b);
}

/** Whether the turn shows what was said here word for word, nothing left out; what is overheard does not count. */
export function isVerbatim(turn: Turn): boolean {
  const carried = atHome(turn).filter((segment) => segment.kind !== "whisper");
  return carried.length > 0 && carried.every((each) => each.kind === "verbatim" && !each.part?.folded);
}

/** A whole block shown in a turn, without the fences that its text carries; null for prose. */
export function blockShown(segment: Segment): CodeText | null {
  const part = segment.part;
  if (!part || part.folded) return null;
  const fenced = part.kind === "code" && FENCED.test(segment.text) ? codeBlocks(segment.text)[0] : undefined;
  return named(part, fenced?.body ?? segment.text, fenced?.lang);
}

/** The block of a fetched message that a folded segment stands for: parts are counted first, then the blocks of its text. */
export function blockOf(message: Message, part: SegmentPart): CodeText | null {
  const parts = message.parts ?? [];
  const found = parts[part.index];
  if (found) return named(part, found.body, found.lang, found.name);
  const block = codeBlocks(message.text)[part.index - parts.length];
  return block ? named(part, block.body, block.lang) : null;
}

/** What the live region says of a finished turn: who, then what, in order. */
export function spoken(turn: Turn, name: (id: string) => string, most = 1_200): string {
  const said = groupsOf(turn)
    .map(({ speakers, segments }) => {
      const text = segments
        .map((each) => (each.redacted ? "" : pieces(ownWords(each, speakers.map(name).join(", "))).join(" … ")))
        .join(" ");
      return text.trim() ? `${speakers.map(name).join(", ")}: ${text.trim()}` : "";
    })
    .filter(Boolean)
    .join(" ");
  return said.length > most ? `${said.slice(0, most)} …` : said;
}

function named(part: SegmentPart, body: string, lang?: string, name?: string): CodeText {
  return { kind: part.kind, body, lang: lang || part.lang || "", name: name ?? part.name ?? "" };
}
