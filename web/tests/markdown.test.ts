import { describe, expect, test } from "vitest";
import { DELIMITERS_MAX, parseInline, safeHref, type Inline } from "../src/inline";
import { codeBlocks, NESTING_MAX, parseMarkdown, type Block } from "../src/markdown";

/** A tree written down shortly: `em(a)`, `link[href](a)`. */
function short(nodes: readonly Inline[]): string {
  return nodes
    .map((node) => {
      if (node.kind === "text") return node.text;
      if (node.kind === "break") return "⏎";
      if (node.kind === "code") return `code(${node.text})`;
      return node.kind === "link"
        ? `link[${node.href}](${short(node.children)})`
        : `${node.kind}(${short(node.children)})`;
    })
    .join("");
}

function outline(blocks: readonly Block[]): string {
  return blocks
    .map((block) => {
      if (block.kind === "paragraph") return `p(${short(block.children)})`;
      if (block.kind === "heading") return `h${block.level}(${short(block.children)})`;
      if (block.kind === "code") return `code[${block.lang}](${block.body})`;
      if (block.kind === "quote") return `quote(${outline(block.children)})`;
      if (block.kind === "rule") return "rule";
      return `list[${block.start ?? "-"}](${block.items.map(outline).join("|")})`;
    })
    .join(" ");
}

describe("inline", () => {
  test.each([
    ["plain words", "plain words"],
    ["*a* and **b** and ***c***", "em(a) and strong(b) and em(strong(c))"],
    ["**a *b* c**", "strong(a em(b) c)"],
    ["~~gone~~ ~stays~", "del(gone) ~stays~"],
    ["snake_case_name stays", "snake_case_name stays"],
    ["2 * 3 * 4", "2 * 3 * 4"],
    ["**open", "**open"],
    ["a\nb", "a⏎b"],
    ["a  \nb", "a⏎b"],
    ["a\\\nb", "a⏎b"],
    ["\\*not em\\*", "*not em*"],
    ["`a*b*`", "code(a*b*)"],
    ["`` a`b ``", "code(a`b)"],
    ["`open", "`open"],
    ['[a](https://b.c/d_(e) "t")', "link[https://b.c/d_(e)](a)"],
    ["[*a*](https://b.c)", "link[https://b.c/](em(a))"],
    ["<https://a.b/c>", "link[https://a.b/c](https://a.b/c)"],
    [
      "see https://a.b/c, or (https://d.e).",
      "see link[https://a.b/c](https://a.b/c), or (link[https://d.e/](https://d.e)).",
    ],
    ["xhttps://a.b", "xhttps://a.b"],
    ["&lt;b&gt;", "&lt;b&gt;"],
  ])("%j", (source, expected) => {
    expect(short(parseInline(source))).toBe(expected);
  });
});

describe("blocks", () => {
  test.each([
    ["a\nb\n\nc", "p(a⏎b) p(c)"],
    ["## Title ##", "h2(Title)"],
    ["#nothing", "p(#nothing)"],
    ["```py\nx = 1\n\ny\n```\nafter", "code[py](x = 1\n\ny) p(after)"],
    ["~~~\n```\n~~~", "code[](```)"],
    ["```\nnever closed", "code[](never closed)"],
    ["text\n```js\nx\n```", "p(text) code[js](x)"],
    ["    indented\n      more\n\nafter", "code[](indented\n  more) p(after)"],
    ["- a\n- b\n  - c\n\nd", "list[-](p(a)|p(b) list[-](p(c))) p(d)"],
    ["3. a\n4. b", "list[3](p(a)|p(b))"],
    ["- a\n\n  still a\n- b", "list[-](p(a) p(still a)|p(b))"],
    ["- ```\n  x\n  ```", "list[-](code[](x))"],
    ["> a\n> > b", "quote(p(a) quote(p(b)))"],
    ["a\n---\nb", "p(a) rule p(b)"],
    ["1986. A year", "list[1986](p(A year))"],
    ["in\n1986. A year", "p(in⏎1986. A year)"],
    ["", ""],
    ["a\r\nb", "p(a⏎b)"],
  ])("%j", (source, expected) => {
    expect(outline(parseMarkdown(source))).toBe(expected);
  });

  test("code blocks are found in order, wherever they stand", () => {
    expect(codeBlocks("```a\n1\n```\n> ```b\n> 2\n> ```\n- ```c\n  3\n  ```")).toEqual([
      { lang: "a", body: "1" },
      { lang: "b", body: "2" },
      { lang: "c", body: "3" },
    ]);
  });
});

describe("hostile text", () => {
  test.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "\u0001javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "//evil.example",
    "/relative",
    "https://a.b/\u0000",
    'https://a.b/"onmouseover="x',
    `https://a.b/${"x".repeat(3_000)}`,
    "https://",
  ])("no link goes to %j", (href) => {
    expect(safeHref(href)).toBeNull();
    expect(short(parseInline(`[x](${href})`))).not.toContain(`](x)`);
  });

  test("deep nesting ends in plain paragraphs", () => {
    const depth = (blocks: readonly Block[]): number =>
      1 + Math.max(0, ...blocks.map((block) => (block.kind === "quote" ? depth(block.children) : 0)));
    expect(depth(parseMarkdown(`${"> ".repeat(500)}x`))).toBe(NESTING_MAX + 1);
  });

  const long = 60_000;
  test.each([
    ["stars", "*".repeat(long)],
    ["stars and words", "*a ".repeat(long / 3)],
    ["many delimiters", "**a** ".repeat(DELIMITERS_MAX * 4)],
    ["backticks", Array.from({ length: 300 }, (_, index) => "`".repeat(index + 1)).join(" ")],
    ["single backticks", "` ".repeat(long / 2)],
    ["brackets", "[".repeat(long)],
    ["half links", "[a](".repeat(long / 4)],
    ["nested parentheses", `[a](https://b.c/${"(".repeat(long)}`],
    ["addresses", "https://a.b ".repeat(long / 12)],
    ["punctuation after an address", `https://a.b${"!".repeat(long)}`],
    ["spaces before a newline", `${" ".repeat(long)}x\n`],
    ["an open fence with spaces", `\`\`\`${" ".repeat(long)}\``],
    ["list markers", "- ".repeat(long / 2)],
    ["quote markers", "> ".repeat(long / 2)],
    ["heading spaces", `# ${" ".repeat(long)}#x`],
    ["rule", `${"* ".repeat(long / 2)}x`],
    ["lone surrogates", "\ud800".repeat(long)],
    ["blank lines", "\n".repeat(long)],
  ])("%s cost no more than their length", (_, source) => {
    const start = performance.now();
    parseMarkdown(source);
    expect(performance.now() - start).toBeLessThan(1_500);
  });
});
