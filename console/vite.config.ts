import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` shows the console of a server that runs beside it: SLUICE_URL, or the default one.
// It keeps the name it is asked by: the server takes logins from its own pages alone.
const server = { target: process.env.SLUICE_URL ?? "http://127.0.0.1:8080", changeOrigin: false };

export default defineConfig({
  plugins: [
    react(),
    {
      // What the server puts into the page, when it is not the server that serves it.
      name: "development-page",
      apply: "serve",
      transformIndexHtml: (html) => html.replaceAll("%BASE%", "/").replaceAll("%NONCE%", ""),
    },
  ],
  base: "./",
  build: {
    outDir: "../build/console/dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
    manifest: "manifest.json",
  },
  server: { proxy: { "/api": server, "/health": server, "/metrics": server } },
});
