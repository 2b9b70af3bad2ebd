import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Served at /agent/. No script and no style stands in the page itself: its content security policy allows neither.
export default defineConfig({
  base: '/agent/',
  plugins: [svelte()],
  build: {
    outDir: '../dist/agent',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
