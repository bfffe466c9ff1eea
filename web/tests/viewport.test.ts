// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { Bookmark } from "../src/viewport";

afterEach(() => document.body.replaceChildren());

/** A view whose button stands `top` below its upper edge, as long as nobody scrolls. */
function view(top: () => number) {
  document.body.innerHTML = `<div tabindex="0"><button></button></div>`;
  const [viewport, button] = [document.querySelector("div"), document.querySelector("button")];
  if (!viewport || !button) throw new Error("expected a view and a button");
  let scrolled = 0;
  Object.defineProperty(viewport, "scrollTop", { get: () => scrolled, set: (to: number) => (scrolled = to) });
  button.getBoundingClientRect = () => new DOMRect(0, top() - scrolled, 10, 10);
  return { viewport, button };
}

test("coming back gives the focus back and puts it where it was on the screen", () => {
  let top = 400;
  const { viewport, button } = view(() => top);
  button.focus();
  const bookmark = new Bookmark(viewport);
  button.blur();
  viewport.scrollTop = 900;
  top = 450; // something grew above meanwhile
  bookmark.restore(viewport);
  expect(document.activeElement).toBe(button);
  expect(button.getBoundingClientRect().top).toBe(400);
});

test("what is gone is not scrolled to, and the list itself takes the focus", () => {
  const { viewport, button } = view(() => 400);
  button.focus();
  const bookmark = new Bookmark(viewport);
  button.remove();
  viewport.scrollTop = 900;
  bookmark.restore(viewport);
  expect(document.activeElement).toBe(viewport);
  expect(viewport.scrollTop).toBe(900);
});
