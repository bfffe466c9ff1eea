import { describe, expect, test } from "vitest";
import { carriedBy, markPieces } from "../src/carried";
import type { Inline } from "../src/inline";
import { parseMarkdown, type Block } from "../src/markdown";
import { folded, quote, turn } from "./frames";

/** The text of a message with [what is marked] in brackets. */
function marked(source: string, ...pieces: string[]): string {
  const inline = (nodes: readonly Inline[]): string =>
    nodes
      .map((node) => {
        if (node.kind === "break") return "/";
        if (node.kind === "text" || node.kind === "code") return node.text;
        return node.kind === "mark" ? `[${inline(node.children)}]` : inline(node.children);
      })
      .join("");
  const block = (each: Block): string => {
    if (each.kind === "paragraph" || each.kind === "heading") return inline(each.children);
    if (each.kind === "quote") return each.children.map(block).join("|");
    if (each.kind === "list") return each.items.flat().map(block).join("|");
    return each.kind === "code" ? each.body : "";
  };
  return markPieces(parseMarkdown(source), pieces).map(block).join("|");
}

describe("a quoted piece is found in its message", () => {
  test.each([
    ["as it stands", "One thing. Another thing.", ["Another thing."], "One thing. [Another thing.]"],
    ["over a line break", "the mast\nis down again", ["mast is down"], "the [mast][/][is down] again"],
    ["under marks", "it is **not** a `desk`, truly", ["**not** a `desk`"], "it is [not][ a ][desk], truly"],
    ["with marks that were cut in two", "so **never again** then", ["**never"], "so [never] again then"],
    ["over several paragraphs", "first half\n\nsecond half", ["half second"], "first [half]|[second] half"],
    ["in lists and quotes", "> - he said so", ["said so"], "he [said so]"],
    ["in an address", "see [the list](https://a.b/c) now", ["see [the list](https://a.b/c)"], "[see ][the list] now"],
    ["in a script without spaces", "今日は寒い。明日も寒い。", ["明日も寒い"], "今日は寒い。[明日も寒い]。"],
  ])("%s", (_how, source, pieces, expected) => {
    expect(marked(source, ...pieces)).toBe(expected);
  });

  test("at the second place when the first is quoted already", () => {
    expect(marked("no, and no, and no", "no", "no")).toBe("[no,] and [no,] and no");
  });

  test("only as whole words", () => {
    expect(marked("I know, but no", "no")).toBe("I know, but [no]");
  });

  test("word by word when speech was cleaned", () => {
    expect(marked("well I I um think uh so", "well I think so")).toBe("[well I] I um [think] uh [so]");
  });

  test("or not at all", () => {
    expect(marked("one two three", "four", "", " … ")).toBe("one two three");
  });

  test("and code blocks are left alone", () => {
    expect(marked("```\nx = 1\n```", "x = 1")).toBe("x = 1");
  });
});

test("marking changes no word of the message", () => {
  const source = "a *b* `c` **d** [e](https://f.g) h\n\n1. i\n2. j";
  const bare = (text: string) => text.replace(/[[\]]/g, "");
  expect(bare(marked(source, "b c d", "i", "e h"))).toBe(bare(marked(source)));
});

describe("what a turn carries", () => {
  test("is told for each source: whole, in pieces, or in other words", () => {
    const segments = [
      quote("a … b", [1, 2]),
      quote("c", [2]),
      quote("all", [3], { kind: "verbatim" }),
      quote("x = 1", [4], { kind: "verbatim", part: folded(0) }),
      quote("Vera says so", [5], { kind: "paraphrase" }),
      quote("", [6], { redacted: true }),
    ];
    const carried = carriedBy(turn(1, 1, 6, { segments }));
    expect(carried.get(1)).toEqual({ whole: false, pieces: ["a", "b"] });
    expect(carried.get(2)).toEqual({ whole: false, pieces: ["a", "b", "c"] });
    expect(carried.get(3)?.whole).toBe(true);
    expect(carried.get(4)).toEqual({ whole: false, pieces: [] });
    expect(carried.get(5)).toEqual({ whole: false, pieces: [] });
    expect(carried.has(6)).toBe(false);
  });
});
