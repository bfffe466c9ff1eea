export interface RoomEntry {
  readonly room: string;
  readonly title: string;
  readonly members: number;
}

/** The rooms this person may enter, from `GET /api/rooms` beside the page. Rejects with a sentence for people. */
export async function listRooms(page: string, session: string): Promise<RoomEntry[]> {
  const headers: Record<string, string> = session ? { Authorization: `Bearer ${session}` } : {};
  const response = await fetch(new URL("api/rooms", page), { headers });
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw new Error(reasonOf(body) ?? `the server answered ${response.status}`);
  if (!Array.isArray(body)) throw new Error("expected a list of rooms, got something else");
  return body
    .filter(isEntry)
    .map(({ room, title, members }) => ({ room, title: title || room, members: members || 0 }));
}

/** The room to open: the one that was wanted, else the liveliest. A list that did not load rules nothing out. */
export function chooseRoom(rooms: readonly RoomEntry[], wanted: string): string {
  if (rooms.length === 0 || rooms.some((entry) => entry.room === wanted)) return wanted;
  return rooms.reduce((best, entry) => (entry.members > best.members ? entry : best)).room;
}

/** What the server says is wrong, from the body of its error. */
export function reasonOf(body: unknown): string | null {
  const message = (body as { error?: { message?: unknown } } | null)?.error?.message;
  return typeof message === "string" ? message : null;
}

function isEntry(value: unknown): value is RoomEntry {
  const entry = value as Partial<RoomEntry> | null;
  return typeof entry?.room === "string" && typeof entry.title === "string";
}
