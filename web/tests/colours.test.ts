import { describe, expect, test } from "vitest";
import css from "../src/app.css?raw";
import { HUES, wheel } from "../src/speakers";

// What app.css says, computed as CSS Color 4 does: the names and faces of all speakers are readable in both themes.
const TEXT_MIN = 4.5; // WCAG 2.2, 1.4.3
const SHAPE_MIN = 3; // 1.4.11

type Rgb = readonly [number, number, number];
const themes = { light: 0, dark: 1 } as const;

function declared(name: string, theme: keyof typeof themes): string {
  const both = new RegExp(`--${name}: light-dark\\((.+?), (#[0-9a-f]+|oklch\\(.+\\))\\);`).exec(css);
  const found = both?.[themes[theme] + 1];
  if (!found) throw new Error(`expected --${name} in app.css`);
  return found;
}

function colour(name: string, theme: keyof typeof themes, hue = 0): Rgb {
  const value = declared(name, theme);
  if (value.startsWith("#")) {
    const [r, g, b] = [1, 3, 5].map((at) => decoded(Number.parseInt(value.slice(at, at + 2), 16) / 255));
    return [r, g, b] as unknown as Rgb;
  }
  const [lightness, chroma] = [...value.matchAll(/[\d.]+/g)].map(Number) as [number, number];
  return oklch(lightness / 100, chroma, (hue * Math.PI) / 180);
}

/** To linear sRGB (Ottosson 2020), cut to what a screen can show. */
function oklch(lightness: number, chroma: number, angle: number): Rgb {
  const [a, b] = [chroma * Math.cos(angle), chroma * Math.sin(angle)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const rgb = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return rgb.map((value) => Math.min(1, Math.max(0, value))) as unknown as Rgb;
}

function decoded(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function contrast(one: Rgb, other: Rgb): number {
  const [low, high] = [one, other].map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b).sort((x, y) => x - y);
  return ((high as number) + 0.05) / ((low as number) + 0.05);
}

const hues = [...Array(HUES).keys()].map(wheel);

describe.each(Object.keys(themes) as (keyof typeof themes)[])("in the %s", (theme) => {
  test.each(["paper", "sheet", "tint"])("every name is readable on %s", (ground) => {
    for (const hue of hues)
      expect(contrast(colour("name", theme, hue), colour(ground, theme))).toBeGreaterThan(TEXT_MIN);
  });

  test.each(["wash", "mid", "pale"])("the eyes of every face stand out from its %s", (tone) => {
    for (const hue of hues)
      expect(contrast(colour("name", theme, hue), colour(tone, theme, hue))).toBeGreaterThan(SHAPE_MIN);
  });

  test.each([
    ["ink", "quoted"],
    ["soft", "paper"],
    ["soft", "sunk"],
    ["soft", "tint"],
    ["accent", "sheet"],
    ["warn", "warn-tint"],
  ])("%s is readable on %s", (text, ground) => {
    expect(contrast(colour(text, theme), colour(ground, theme))).toBeGreaterThan(TEXT_MIN);
  });
});

test("black on white is 21 to 1", () => {
  expect(contrast(oklch(0, 0, 0), oklch(1, 0, 0))).toBeCloseTo(21, 1);
});
