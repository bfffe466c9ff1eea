import { hash } from "./hash";

/** Names and steady colours of everyone who ever spoke here. Pure. */
export const HUES = 12;

/** Searched for: with it nobody in a shipped room has to give way, so that each persona has one colour in all rooms. */
const GRAIN = 1983;

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly kind?: "human" | "agent";
}

/** All that a name and a face are drawn from. */
export interface Speaking {
  readonly id: string;
  readonly name: string;
  readonly kind: "human" | "agent";
  readonly hue: number;
}

export class Speakers {
  #names = new Map<string, string>();
  #people = new Set<string>();
  #hues = new Map<string, number>();
  /** Slots that personas have. */
  #taken = new Set<number>();

  /** Learn people. Agents first and by id, so that the cast of a room has the same colours on every visit. */
  meet(people: readonly Person[]): void {
    const order = [...people].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
    for (const person of order) {
      this.#names.set(person.id, person.name);
      if (person.kind === "human") this.#people.add(person.id);
      this.hue(person.id, person.kind);
    }
  }

  who(id: string): Speaking {
    const kind = this.#people.has(id) ? "human" : "agent";
    return { id, name: this.name(id), kind, hue: this.hue(id, kind) };
  }

  knows(id: string): boolean {
    return this.#names.has(id);
  }

  /** The name, or one made from the id for someone who left before we came. */
  name(id: string): string {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const words = id.split(/[-_]+/).filter(Boolean);
    return words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join(" ") || id;
  }

  /**
   * A slot of the colour wheel, 0..HUES-1: the id's own or, where another persona has that, the next free one. People keep
   * their own: they come and go, and would otherwise look different to everyone.
   */
  hue(id: string, kind: Person["kind"] = "agent"): number {
    const known = this.#hues.get(id);
    if (known !== undefined) return known;
    let hue = hash(`${GRAIN}${id}`) % HUES;
    if (kind !== "human") {
      // 5 and 12 share no factor: all are tried
      if (this.#taken.size < HUES) while (this.#taken.has(hue)) hue = (hue + 5) % HUES;
      this.#taken.add(hue);
    }
    this.#hues.set(id, hue);
    return hue;
  }
}

/** A slot of the wheel as an angle of OKLCH. */
export function wheel(hue: number): number {
  return (hue * 360) / HUES + 20;
}

function rank(person: Person): number {
  return person.kind === "human" ? 1 : 0;
}
