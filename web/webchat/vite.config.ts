import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Served at /webchat.html and /ukakao/webchat.html, its files at /webchat/. No script and no style stands in the page itself: its
// content security policy allows neither.
export default defineConfig({
  base: '/webchat/',
  plugins: [svelte()],
  build: {
    outDir: '../dist/webchat',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: 'webchat.html' },
  },
});
