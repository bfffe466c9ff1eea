import { kept } from "./storage";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export function storedTheme(): Theme {
  const stored = kept.text("theme");
  return THEMES.find((theme) => theme === stored) ?? "system";
}

/** Colours follow the system unless a person chose. */
export function applyTheme(theme: Theme): void {
  kept.write("theme", theme === "system" ? null : theme);
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
