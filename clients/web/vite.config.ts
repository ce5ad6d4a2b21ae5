import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig(({ command }) => ({
  // The gateway serves the built files under /app/; `npm run dev` serves at its own root, another origin.
  base: command === "build" ? "/app/" : "/",
  plugins: [react()],
  build: {
    outDir: "../../routes/browser_app/assets",
    emptyOutDir: true,
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      // Names without a hash, so that a new build is a change of the same files.
      output: { entryFileNames: "app.js", chunkFileNames: "[name].js", assetFileNames: "app[extname]" },
    },
  },
}));
