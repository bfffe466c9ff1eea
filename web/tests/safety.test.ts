// @vitest-environment happy-dom
import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, test } from "vitest";
import Markdown from "../src/components/Markdown.svelte";

let mounted: Record<string, unknown> | null = null;

function render(text: string): HTMLElement {
  mounted = mount(Markdown, { target: document.body, props: { text } });
  flushSync();
  return document.body;
}

afterEach(() => {
  if (mounted) void unmount(mounted);
  document.body.replaceChildren();
});

test.each([
  "<script>window.hurt = 1</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<iframe src=javascript:alert(1)></iframe>",
  "**<b onclick=alert(1)>x</b>**",
  "```html\n<script>alert(1)</script>\n```",
  "`<style>*{display:none}</style>`",
  "> <a href='javascript:alert(1)'>x</a>",
  "- <form action=//evil.example><input></form>",
])("%j is shown as it was typed and is never an element", (text) => {
  const page = render(text);
  expect(page.querySelectorAll("script, img, svg, iframe, style, form, input, b, a")).toHaveLength(0);
  expect(page.textContent).toMatch(/<\/?\w/);
});

test.each([
  "[x](javascript:alert(1))",
  "[x](data:text/html,a)",
  "<javascript:alert(1)>",
  "![x](https://evil.example/pixel.png)",
])("%j loads nothing and runs nothing", (text) => {
  const page = render(text);
  for (const link of page.querySelectorAll("a")) expect(link.protocol).toBe("https:");
  expect(page.querySelectorAll("img")).toHaveLength(0);
});

test("a link opens elsewhere and tells nobody where it was", () => {
  const link = render("[x](https://a.b)").querySelector("a");
  expect(link?.rel).toContain("noopener");
  expect(link?.rel).toContain("noreferrer");
  expect(link?.target).toBe("_blank");
});

test("words keep the spaces between them", () => {
  expect(render("a *b* `c` **d** [e](https://f.g) h").textContent).toBe("a b c d e h");
});
