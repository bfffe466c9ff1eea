/** Names and steady colours of everyone who ever spoke here. Pure. */
export const HUES = 12;

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly kind?: "human" | "agent";
}

export class Speakers {
  #names = new Map<string, string>();
  #hues = new Map<string, number>();

  /** Learn people. Agents first and by id, so that the cast of a room has the same colours on every visit. */
  meet(people: readonly Person[]): void {
    const order = [...people].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
    for (const person of order) {
      this.#names.set(person.id, person.name);
      this.hue(person.id, person.kind);
    }
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
   * A slot of the colour wheel, 0..HUES-1: the id's own or, for personas, the next that nobody here has. People keep their
   * own: they come and go, and would otherwise look different to everyone.
   */
  hue(id: string, kind: Person["kind"] = "agent"): number {
    const known = this.#hues.get(id);
    if (known !== undefined) return known;
    const taken = new Set(this.#hues.values());
    const own = hash(id) % HUES;
    let hue = own;
    if (kind !== "human" && taken.size < HUES) while (taken.has(hue)) hue = (hue + 5) % HUES; // 5 and 12 share no factor: all are tried
    this.#hues.set(id, hue);
    return hue;
  }
}

export function initial(name: string): string {
  return ([...name.trim()][0] ?? "?").toUpperCase();
}

function rank(person: Person): number {
  return person.kind === "human" ? 1 : 0;
}

/** FNV-1a, 32 bits: the same on every machine. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
