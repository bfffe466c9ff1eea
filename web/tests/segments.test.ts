import { describe, expect, test } from "vitest";
import { blockOf, blockShown, groupsOf, isVerbatim, ownWords, pieces, quoteIn, sourcesOf, speakersOf, spoken } from "../src/segments";
import { code, folded, message, quote, turn } from "./frames";

describe("quotes", () => {
  test("pieces are parted where something was left out", () => {
    expect(pieces("first … second … third")).toEqual(["first", "second", "third"]);
  });

  test("an ellipsis that the speaker wrote is not a cut", () => {
    expect(pieces("well… no")).toEqual(["well… no"]);
  });
});

describe("answers", () => {
  const answer = quote("Vera: it froze … last night", [3], { kind: "answer" });

  test("the name stands above the words and not within them too", () => {
    expect(ownWords(answer, "Vera")).toBe("it froze … last night");
    expect(ownWords(answer, "vera")).toBe(answer.text);
    expect(ownWords(quote("Vera: a quote of hers", [1]), "Vera")).toBe("Vera: a quote of hers");
  });

  test("what is quoted in it is known, so that the originals can mark it", () => {
    expect(quoteIn(answer)).toBe("it froze … last night");
    expect(quoteIn({ ...answer, kind: "paraphrase" })).toBe("");
    expect(quoteIn({ ...answer, kind: "catch_up", speakers: ["vera", "bao"] })).toBe("");
    expect(quoteIn(quote("a: b", [1]))).toBe("a: b");
  });

  test("it is read out with each name once", () => {
    const said = spoken(turn(1, 1, 4, { mode: "answer", covers: null, segments: [answer] }), () => "Vera");
    expect(said).toBe("Vera: it froze … last night");
  });
});

describe("groups", () => {
  test("neighbours of one speaker stand under one name, in order", () => {
    const segments = [quote("a", [1]), quote("b", [2]), quote("c", [3], { speakers: ["bao"] }), quote("d", [4])];
    expect(groupsOf(turn(1, 1, 4, { segments })).map((group) => [group.speakers[0], group.segments.length])).toEqual([
      ["vera", 2],
      ["bao", 1],
      ["vera", 1],
    ]);
  });

  test("what was overheard in another room is not put with what was said here", () => {
    const segments = [quote("a", [1]), quote("b", [2], { room: "commons", kind: "ambient" })];
    expect(groupsOf(turn(1, 1, 4, { segments }))).toHaveLength(2);
    expect(sourcesOf(turn(1, 1, 4, { segments }))).toEqual([1]);
  });

  test("what Alex whispers is not put with what its speaker said", () => {
    const segments = [quote("a", [1]), quote("Vera is on a.", [1], { kind: "whisper" })];
    expect(groupsOf(turn(1, 1, 4, { segments }))).toHaveLength(2);
  });

  test("speakers and sources are each named once", () => {
    const segments = [quote("a", [5, 2]), quote("b", [2], { speakers: ["bao", "vera"] })];
    expect(speakersOf(turn(1, 1, 5, { segments }))).toEqual(["vera", "bao"]);
    expect(sourcesOf(turn(1, 1, 5, { segments }))).toEqual([2, 5]);
  });
});

describe("verbatim turns", () => {
  const whole = quote("all of it", [1], { kind: "verbatim" });

  test("are those in which nothing was left out or folded", () => {
    expect(isVerbatim(turn(1, 1, 1, { segments: [whole] }))).toBe(true);
    expect(isVerbatim(turn(1, 1, 1, { segments: [whole, quote("a", [1])] }))).toBe(false);
    expect(isVerbatim(turn(1, 1, 1, { segments: [{ ...whole, part: folded(0) }] }))).toBe(false);
    expect(isVerbatim(turn(1, 1, 1, { segments: [] }))).toBe(false);
    const far = quote("a", [1], { kind: "ambient", room: "commons" });
    expect(isVerbatim(turn(1, 1, 1, { segments: [whole, far] }))).toBe(true);
    expect(isVerbatim(turn(1, 1, 1, { segments: [far] }))).toBe(false);
  });
});

describe("blocks", () => {
  test("a shown block from the text is freed of its fences, one from the parts is left alone", () => {
    const part = folded(0, { folded: false });
    const fenced = quote("```py\nx = 1\n```", [7], { kind: "verbatim", part });
    expect(blockShown(fenced)).toMatchObject({ body: "x = 1", lang: "py" });
    expect(blockShown({ ...fenced, text: "x = 1" })).toMatchObject({ body: "x = 1", lang: "python" });
    expect(blockShown({ ...fenced, text: "```\n", part: { ...part, kind: "data" } })).toMatchObject({ body: "```\n" });
    expect(blockShown(quote("prose", [7]))).toBeNull();
  });

  test("a folded block is found among the parts first, then among the blocks of the text", () => {
    const source = message(7, { text: "see\n```js\nlet a\n```\nand\n```\nlet b\n```", parts: [code("p = 0")] });
    expect(blockOf(source, folded(0))).toMatchObject({ body: "p = 0", lang: "python" });
    expect(blockOf(source, folded(1))).toMatchObject({ body: "let a", lang: "js" });
    expect(blockOf(source, folded(2))).toMatchObject({ body: "let b", lang: "python" });
    expect(blockOf(source, folded(3))).toBeNull();
  });
});

describe("what the live region says", () => {
  const name = (id: string) => id.toUpperCase();

  test("names each speaker before their words", () => {
    const segments = [quote("yes … no", [1]), quote("well", [2], { speakers: ["bao"] })];
    expect(spoken(turn(1, 1, 2, { segments }), name)).toBe("VERA: yes … no BAO: well");
  });

  test("is silent about what was removed, and ends somewhere", () => {
    expect(spoken(turn(1, 1, 1, { segments: [quote("", [1], { redacted: true })] }), name)).toBe("");
    expect(spoken(turn(1, 1, 1, { segments: [quote("word ".repeat(500), [1])] }), name).length).toBeLessThan(1_250);
  });
});
