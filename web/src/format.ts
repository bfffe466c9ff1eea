/** Times and numbers as people read them, in the browser's own language. */
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const whole = new Intl.NumberFormat();
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export function time(at: string): string {
  return valid(at) ? clock.format(new Date(at)) : "";
}

export function exactTime(at: string): string {
  return valid(at) ? clockWithSeconds.format(new Date(at)) : "";
}

export function date(at: string): string {
  return valid(at) ? day.format(new Date(at)) : "";
}

export function count(value: number): string {
  return whole.format(Math.round(value));
}

/** `1 word`, `2 words`. */
export function plural(value: number, one: string, many: string = `${one}s`): string {
  return `${count(value)} ${Math.round(value) === 1 ? one : many}`;
}

/** `8 seconds`, `2.5 seconds`, `1 second`; short: `8 s`. */
export function seconds(value: number, length: "long" | "short" = "long"): string {
  const rounded = Math.round(value * 10) / 10;
  const unit = length === "short" ? "s" : rounded === 1 ? "second" : "seconds";
  return `${tenths.format(rounded)} ${unit}`;
}

function valid(at: string): boolean {
  return !Number.isNaN(Date.parse(at));
}
