import { hash } from "./hash";

/**
 * A face made from an id, as paths on a square of 32: the same id has the same face on every machine and every visit. An AI
 * is a mask that fills its square; a person is somebody with hair and shoulders in a circle. Pure.
 */
export interface Face {
  readonly kind: "human" | "agent";
  /** The large shape, in the person's middle tone: a mask's markings, or shoulders. */
  readonly ground: string;
  /** A person's head, in the lightest tone; empty for a mask. */
  readonly head: string;
  /** Filled with ink: hair, eyes. */
  readonly ink: string;
  /** Drawn with ink: closed eyes, brows, mouth. */
  readonly lines: string;
}

const MASKS = [
  "M0 0H32V10Q16 17 0 10Z", // a brow
  "M0 0H16V32H0Z", // two halves
  "M0 32V4L32 24V32Z", // a slope
  "M0 0H32V32H27V17A11 11 0 0 0 5 17V32H0Z", // a hood
  "M0 20Q8 16 16 20T32 20V32H0Z", // a tide
  "M3 0H29L16 13Z", // a peak
  "M32 0V32H24A17 17 0 0 1 24 0Z", // a moon
  "M0 11H32V21H0Z", // a band
] as const;

/** [filled, drawn] */
const EYES = [
  [`${dot(11, 16, 2)}${dot(21, 16, 2)}`, ""],
  [`${oval(11, 16, 1.5, 3)}${oval(21, 16, 1.5, 3)}`, ""],
  ["", "M8 17q3-3.4 6 0M18 17q3-3.4 6 0"],
  ["", "M8 16h6M18 16h6"],
  [`${dot(11, 16, 1)}${dot(21, 16, 1)}`, ring(11, 16, 3.6) + ring(21, 16, 3.6)],
  [`${dot(11, 17, 1.7)}${dot(21, 17, 1.7)}`, "M8.5 12.6q2.5-1.6 5 0M18.5 12.6q2.5-1.6 5 0"],
] as const;

const MOUTHS = [
  "M12.5 24h7",
  "M12 23q4 3.2 8 0",
  "M13 23.6q3.5 1.5 6.5-.9",
  ring(16, 24, 1.4),
  "",
] as const;

const HAIR = [
  "M8.6 14.5a7.4 7.4 0 0 1 14.8 0q-3.2-4.2-7.4-4.2t-7.4 4.2z", // short
  "M8.6 14.8C7.4 8 12 5.6 16.6 6.4c5.4-.4 8 3.6 6.8 8.4C21.6 11 18.6 9.6 14 9.8c-1.6 2-3.4 2.8-5.4 5z", // a parting
  "M7.6 23.6C6 11 9.6 6.2 16 6.2s10 4.8 8.4 17.4h-2.6c1-6 .8-9.6-.8-12.2q-5 1.6-10-.4c-1.8 3-2 6.6-1 12.6z", // long
  `M8.6 14a7.4 7.4 0 0 1 14.8 0q-3.2-3.4-7.4-3.4t-7.4 3.4z${dot(16, 4.8, 2.9)}`, // a knot
  "M9.2 16.8q6.8 3.2 13.6 0A7 7 0 0 1 9.2 16.8z", // a beard
  `${dot(10.2, 11, 2.9)}${dot(13.6, 8.2, 3.1)}${dot(18.4, 8.2, 3.1)}${dot(21.8, 11, 2.9)}`, // curls
] as const;

const SHOULDERS = [
  "M3 32C4 25.5 9.5 22.5 16 22.5S28 25.5 29 32Z", // round
  "M4 32V29Q4 24 12 23L16 29 20 23Q28 24 28 29V32Z", // a collar
  "M6 32C6 26 11 24.5 11 21H21C21 24.5 26 26 26 32Z", // a roll neck
] as const;

/** What a person wears on the face. */
const WORN = ["", "M13.8 18.4q2.2 1.6 4.4 0", `${ring(13.3, 15.4, 2.1)}${ring(18.7, 15.4, 2.1)}`] as const;
const HEAD = dot(16, 15, 7);

export function faceOf(id: string, kind: "human" | "agent"): Face {
  const choose = chooser(hash(id));
  if (kind === "human") {
    const hair = choose(HAIR);
    const ink = `${hair}${dot(13.5, 15.4, 1)}${dot(18.5, 15.4, 1)}`;
    return { kind, ground: choose(SHOULDERS), head: HEAD, ink, lines: choose(WORN) };
  }
  const ground = choose(MASKS);
  const [ink, brows] = choose(EYES);
  return { kind, ground, head: "", ink, lines: brows + choose(MOUTHS) };
}

/** Takes one thing after the other out of the same number, each choice independent of the last. */
function chooser(seed: number): <T>(from: readonly T[]) => T {
  let left = seed;
  return (from) => {
    const found = from[left % from.length] as (typeof from)[number];
    left = Math.floor(left / from.length);
    return found;
  };
}

function dot(x: number, y: number, r: number): string {
  return oval(x, y, r, r);
}

function oval(x: number, y: number, rx: number, ry: number): string {
  return `M${tenth(x - rx)} ${y}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0z`;
}

function ring(x: number, y: number, r: number): string {
  return `M${tenth(x - r)} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
