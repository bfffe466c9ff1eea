import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// Only what the page is made of may run or be loaded; the dev server needs inline styles, so the rule is added on build.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const server = process.env["CADENCE_URL"] ?? "http://127.0.0.1:8765";

export default defineConfig({
  base: "./", // the page works under any path a host puts it
  plugins: [
    svelte(),
    {
      name: "content-security-policy",
      apply: "build",
      transformIndexHtml: () => [
        { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" },
      ],
    },
  ],
  build: { outDir: "../cadence/web", emptyOutDir: true, target: "es2023", modulePreload: { polyfill: false } },
  server: { proxy: { "/ws": { target: server, ws: true }, "/api": server } },
  test: { environment: "node", include: ["tests/**/*.test.ts"], css: { include: /app\.css/ } },
  resolve: process.env["VITEST"] ? { conditions: ["browser"] } : {},
});
